// Pictures of the page for the README, taken of the demo: node web/shots.mjs FOLDER. SLIPSTREAM_BIN is the program. Laps are to be compared,
// so the demo drives for some minutes first.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBrowser } from './test/browser.mjs';

const folder = process.argv[2] ?? 'docs/pictures';
const WHOLE_LAPS = 40;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

mkdirSync(folder, { recursive: true });
const dataDir = await mkdtemp(join(tmpdir(), 'slipstream-shots-'));
const demo = spawn(process.env.SLIPSTREAM_BIN, ['demo'], {
  cwd: dataDir, env: { ...process.env, PORT: '0', UDP_PORT: '0', UDP_HOST: '127.0.0.1', DATA_DIR: dataDir, LOG_FORMAT: 'text' }, stdio: ['ignore', 'pipe', 'inherit'],
});
const browser = await startBrowser();
try {
  let text = '';
  const address = await new Promise((resolve, reject) => {
    demo.stdout.on('data', (chunk) => {
      text += chunk;
      const found = /http:\/\/[^\s/]+:\d+\//.exec(text);
      if (found) resolve(found[0]);
    });
    demo.once('exit', () => reject(new Error(`the demo ended: ${text}`)));
  });
  let laps = [];
  for (let waited = 0; laps.length < WHOLE_LAPS; waited += 5) {
    if (waited > 600) throw new Error('the demo drove no laps within ten minutes');
    await sleep(5000);
    laps = (await (await fetch(`${address}api/laps?limit=1000`)).json()).laps.filter((lap) => lap.complete && lap.lap_time_s);
  }
  laps.sort((a, b) => a.lap_time_s - b.lap_time_s);
  const other = laps.find((lap) => lap.chassis !== laps[0].chassis);
  for (const [name, view] of [['wall', 'live'], ['compare', `compare?laps=${laps[0].id},${other.id}&x=1714`]]) {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 }, colorScheme: 'dark' });
    await page.goto(`${address}#/${view}`);
    await sleep(6000);
    await page.screenshot({ path: join(folder, `${name}.png`) });
    await page.close();
  }
} finally {
  await browser.close();
  demo.kill('SIGTERM');
  await rm(dataDir, { recursive: true, force: true });
}
