// A server of a test's own, on free ports: SLIPSTREAM_BIN is the program.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * The windows of the default configuration, but that silence closes none. For tests that say which rollups there are: however long
 * the machine stands still, a window is not over for that.
 */
export const WITHOUT_IDLENESS = `
[[window]]
name = "bucket"
key = ["lap", "sector"]
count = 10
change = true
idle_ms = 0
[[window]]
name = "sector"
key = ["lap", "sector"]
change = true
idle_ms = 0
stored = true
[[window]]
name = "second"
every_ms = 1000
idle_ms = 0
stored = true
`;

/** `environment`: settings by their names in the environment; `file`: a configuration's text. */
export async function startServer(environment = {}, file = '') {
  const dataDir = await mkdtemp(join(tmpdir(), 'slipstream-live-'));
  await writeFile(join(dataDir, 'slipstream.toml'), file);
  const child = spawn(process.env.SLIPSTREAM_BIN, ['serve', '--log-format', 'text'], {
    cwd: dataDir,
    env: {
      ...process.env,
      PORT: '0',
      UDP_PORT: '0',
      UDP_HOST: '127.0.0.1',
      DATA_DIR: dataDir,
      METRICS_INTERVAL: '0',
      ...environment,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  const port = await new Promise((resolve, reject) => {
    child.stderr.on('data', (chunk) => {
      if (text === null) return;
      text += chunk;
      const page = /page=https?:\/\/127\.0\.0\.1:(\d+)\//.exec(text);
      if (!page) return;
      text = null;
      resolve(Number(page[1]));
    });
    child.once('exit', () => reject(new Error(`the server ended before it said where it is: ${text}`)));
  });
  return {
    port,
    url: `ws://127.0.0.1:${port}/ws/realtime`,
    async ingest(points) {
      const answer = await fetch(`http://127.0.0.1:${port}/api/ingest`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(points),
      });
      if (answer.status !== 200) throw new Error(`ingest: ${answer.status} ${await answer.text()}`);
      return answer.json();
    },
    async metric(sample) {
      const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const line = page.split('\n').find((l) => l.startsWith(`${sample} `));
      return line ? Number(line.split(' ').at(-1)) : undefined;
    },
    async health() {
      return (await fetch(`http://127.0.0.1:${port}/api/health`)).json();
    },
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
