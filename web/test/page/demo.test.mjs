// The page during the demo, and with a game's capture: SLIPSTREAM_BIN is the program.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { TEST_LIMIT_MS } from '../client.mjs';
import { startServer } from '../server.mjs';
import { count, isDrawn, open, shoot, startBrowser, until } from './page.mjs';

const timeout = TEST_LIMIT_MS;
let browser;
before(async () => (browser = await startBrowser()));
after(() => browser.close());

async function startDemo(dataDir) {
  const demo = spawn(process.env.SLIPSTREAM_BIN, ['demo'], {
    cwd: dataDir,
    env: { ...process.env, PORT: '0', UDP_PORT: '0', UDP_HOST: '127.0.0.1', DATA_DIR: dataDir, LOG_FORMAT: 'text' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const chunk of demo.stdout) {
    text += chunk;
    const address = /http:\/\/[^\s/]+:\d+\//.exec(text);
    if (address) return { demo, address: address[0] };
  }
  throw new Error(`the demo ended before it said where the page is: ${text}`);
}

test('the demo fills the wall', { timeout }, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'slipstream-page-'));
  const { demo, address } = await startDemo(dataDir);
  demo.stdout.resume();
  try {
    const page = await open(browser, address);
    await count(page, 'tower-row', 20);
    await isDrawn(page, 'trace');
    await until(page, () => Number(document.querySelector('[data-testid=top-rate]')?.textContent.match(/^[\d,]+/)?.[0].replaceAll(',', '')) > 400, undefined, '500 points a second');
    await until(page, () => /leader/.test(document.querySelector('.tower').textContent));
    await shoot(page, 'demo');
    assert.deepEqual(page.faults, []);
    await page.context().close();
  } finally {
    demo.kill('SIGTERM');
    const [code] = demo.exitCode === null ? await once(demo, 'exit') : [demo.exitCode];
    await rm(dataDir, { recursive: true, force: true });
    assert.equal(code, 0);
  }
});

test('a game is shown with its drivers, tyres and marks', { timeout }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'slipstream-page-'));
  const server = await startServer();
  try {
    const { sources } = await server.health();
    const replay = async (name, speed) => {
      const capture = join(folder, name);
      await writeFile(capture, gunzipSync(await readFile(new URL(`../../../tests/data/games/${name}.gz`, import.meta.url))));
      return spawn(process.env.SLIPSTREAM_BIN, ['replay', capture, '--to', `udp://127.0.0.1:${sources.udp.port}`, '--speed', speed], { stdio: 'ignore' });
    };
    const race = await replay('f1_2025_race.cap', '10');
    const raced = once(race, 'exit');
    const page = await open(browser, `http://127.0.0.1:${server.port}/`);
    await count(page, 'tower-row', 4);
    await isDrawn(page, 'trace');
    const { standings } = await (await fetch(`http://127.0.0.1:${server.port}/api/standings`)).json();
    const names = await page.evaluate(() => [...document.querySelectorAll('[data-testid=tower-row]')].map((row) => row.dataset.chassis));
    assert.deepEqual(new Set(names), new Set(standings[0].cars.map((car) => car.chassis)));
    await raced;
    await until(page, () => document.querySelectorAll('[data-testid=events] li').length > 0, undefined, 'marks of the game');
    await page.goto(`http://127.0.0.1:${server.port}/#/laps`);
    await count(page, 'lap-row', 4);
    await shoot(page, 'game-laps');
    await page.goto(`http://127.0.0.1:${server.port}/#/live`);
    await count(page, 'tower-row', 4);
    await shoot(page, 'game');

    const other = await replay('f1_2025.cap', '1');
    await page.goto(`http://127.0.0.1:${server.port}/#/live?track=losail`);
    await until(page, () => document.querySelectorAll('.card-panel .tyre').length === 4, undefined, 'four tyres');
    await shoot(page, 'game-tyres');
    const overlay = await open(browser, `http://127.0.0.1:${server.port}/overlay/tyres?track=losail`, { viewport: { width: 400, height: 300 } });
    await until(overlay, () => document.querySelector('[data-testid=overlay-tyres]'));
    await shoot(overlay, 'overlay-game-tyres');
    other.kill('SIGTERM');
    assert.deepEqual([...page.faults, ...overlay.faults], []);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
