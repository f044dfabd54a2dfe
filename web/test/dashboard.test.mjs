// The page during the demo, in a real browser: SLIPSTREAM_BIN is the program, CHROMIUM the browser.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { chromium } from 'playwright-core';

const LIMIT_MS = 60_000;

async function startDemo(dataDir, environment = {}) {
  const demo = spawn(process.env.SLIPSTREAM_BIN, ['demo'], {
    cwd: dataDir,
    env: { ...process.env, PORT: '0', UDP_PORT: '0', UDP_HOST: '127.0.0.1', DATA_DIR: dataDir, LOG_FORMAT: 'text', ...environment },
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

/** Asks again and again: Playwright's own waiting evaluates text, which the page's policy forbids. */
async function until(page, condition, argument) {
  const deadline = Date.now() + LIMIT_MS;
  while (!(await page.evaluate(condition, argument))) {
    if (Date.now() > deadline) throw new Error(`not within ${LIMIT_MS} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('the dashboard shows the demo', { timeout: 8 * LIMIT_MS }, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'slipstream-page-'));
  const { demo, address } = await startDemo(dataDir);
  demo.stdout.resume();
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
    timeout: LIMIT_MS,
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(LIMIT_MS);
    const faults = [];
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(String(error)));
    await page.goto(address);

    await until(page, () => document.querySelector('[data-testid=connection]').textContent === 'live');
    await until(page, () => document.querySelectorAll('[data-testid=cars] tr[data-chassis]').length === 20);

    const chassis = await page.locator('[data-testid=cars] tr').first().getAttribute('data-chassis');
    const speed = page.locator(`[data-testid=cars] tr[data-chassis="${chassis}"] [data-cell=speed]`);
    const before = await speed.textContent();
    assert.match(before, /^\d+\.\d$/);
    await until(page, 
      ([name, old]) =>
        document.querySelector(`tr[data-chassis="${name}"] [data-cell=speed]`).textContent !== old,
      [chassis, before],
    );
    await until(page, () => Number(document.querySelector('[data-testid=rate]').textContent) > 400);
    await until(page, () => /leader/.test(document.querySelector('[data-testid=cars]').textContent));
    await until(page, () => {
      const canvas = document.querySelector('[data-testid=trace] canvas');
      if (!canvas || canvas.width === 0) return false;
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.some((value, i) => i % 4 === 3 && value > 0);
    });
    if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
    assert.deepEqual(faults, []);
  } finally {
    await browser.close();
    demo.kill('SIGTERM');
    const [code] = demo.exitCode === null ? await once(demo, 'exit') : [demo.exitCode];
    await rm(dataDir, { recursive: true, force: true });
    assert.equal(code, 0);
  }
});

test('the dashboard shows its token', { timeout: 8 * LIMIT_MS }, async () => {
  const token = 'read-token-of-the+pit/wall';
  const dataDir = await mkdtemp(join(tmpdir(), 'slipstream-page-'));
  const { demo, address } = await startDemo(dataDir, { API_TOKEN_READ: token });
  demo.stdout.resume();
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
    timeout: LIMIT_MS,
  });
  const says = (page, text) =>
    until(page, (t) => document.querySelector('[data-testid=connection]').textContent.startsWith(t), text);
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(LIMIT_MS);
    await page.goto(address);
    await says(page, 'a token is needed');
    const other = await browser.newPage();
    other.setDefaultTimeout(LIMIT_MS);
    await other.goto(`${address}#token=${encodeURIComponent(token)}`);
    await says(other, 'live');
    assert.equal(other.url(), address, 'the token does not stay where others look');
    await until(other, () => document.querySelectorAll('[data-testid=cars] tr[data-chassis]').length > 0);
    await other.reload();
    await says(other, 'live');
  } finally {
    await browser.close();
    demo.kill('SIGTERM');
    await once(demo, 'exit');
    await rm(dataDir, { recursive: true, force: true });
  }
});
