// A server of a test's own, on free ports: SLIPSTREAM_BIN is the program.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function startServer(environment = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), 'slipstream-live-'));
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
