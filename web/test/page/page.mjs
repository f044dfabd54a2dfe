// A browser with one page on a server of its own, and what tests of pages ask of it.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { startBrowser } from '../browser.mjs';
import { LIMIT_MS } from '../client.mjs';

const shots = process.env.SLIPSTREAM_SHOTS ?? fileURLToPath(new URL('../../../build/shots', import.meta.url));
const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

export { startBrowser };

/** A page whose faults are kept: whatever the console says of errors or warnings is one. */
export async function open(browser, address, options = {}) {
  // Playwright's tools and axe are put in beside the page's own code, which the page's policy forbids to others.
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, colorScheme: 'dark', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  page.faults = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !(page.expected ?? /^$/).test(message.text())) page.faults.push(message.text());
  });
  page.on('pageerror', (error) => page.faults.push(String(error.stack ?? error)));
  await page.goto(address);
  return page;
}

/** Asks again and again, since Playwright's own waiting evaluates text, which the page's policy forbids. */
export async function until(page, condition, argument, what = String(condition)) {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const value = await page.evaluate(condition, argument);
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`not within ${LIMIT_MS} ms: ${what}; the page has: ${(await page.evaluate(() => document.body.innerText)).slice(0, 1500)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export const count = (page, testId, atLeast = 1) =>
  until(page, ([id, n]) => document.querySelectorAll(`[data-testid="${id}"]`).length >= n, [testId, atLeast], `${atLeast} ${testId}`);

export const click = (page, testId) => page.locator(`[data-testid="${testId}"]`).first().click();

/** Looks at a picture of the page's canvases: something is drawn in each. */
export const isDrawn = (page, testId) => until(page, (id) => {
  const canvases = [...document.querySelectorAll(`[data-testid="${id}"] canvas`)];
  return canvases.length > 0 && canvases.every((canvas) => {
    if (canvas.width === 0 || canvas.height === 0) return false;
    const copy = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    Object.assign(copy.canvas, { width: canvas.width, height: canvas.height });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    let marked = 0;
    for (let i = 3; i < data.length; i += 4) if (data[i] > 60 && ++marked > 50) return true;
    return false;
  });
}, testId, `something drawn in ${testId}`);

export async function shoot(page, name) {
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: `${shots}/${name}.png`, omitBackground: true });
}

/** axe-core finds nothing. The page has to be open with `bypassCSP`. */
export async function assertAccessible(page, what) {
  await page.addScriptTag({ path: axePath });
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.slice(0, 4).map((node) => `    ${node.target.join(' ')}: ${node.failureSummary?.split('\n')[1] ?? ''}`).join('\n')}`);
  assert.deepEqual(found, [], what);
}
