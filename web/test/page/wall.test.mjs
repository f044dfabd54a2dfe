// The pit wall in Chromium, on a race that has laps: SLIPSTREAM_BIN is the program.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TEST_LIMIT_MS } from '../client.mjs';
import { startServer } from '../server.mjs';
import { assertAccessible, click, count, isDrawn, open, shoot, startBrowser, until } from './page.mjs';
import { startRace } from './race.mjs';

const timeout = TEST_LIMIT_MS;
let browser, server, race, address;

before(async () => {
  browser = await startBrowser();
  server = await startServer({ SESSION_GAP_MINUTES: '10' });
  race = await startRace(server);
  address = `http://127.0.0.1:${server.port}/`;
  // Laps are told once they are committed.
  for (;;) {
    const { laps } = await (await fetch(`${address}api/laps?limit=1000`)).json();
    if (laps.filter((lap) => lap.complete).length >= 8) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});
after(async () => {
  await race?.stop();
  await browser?.close();
  await server?.stop();
});

const completeLaps = async () => (await (await fetch(`${address}api/laps?limit=1000`)).json()).laps.filter((lap) => lap.complete && lap.lap_time_s);

test('the wall shows the order, traces, the map and the bar of time', { timeout }, async () => {
  const page = await open(browser, address);
  await count(page, 'tower-row', 4);
  await isDrawn(page, 'trace');
  await count(page, 'map-car', 4);
  await count(page, 'scrubber');
  await until(page, () => document.querySelector('[data-testid=tower-row]').dataset.chassis === 'Ångström', undefined, 'the one that began first leads');
  await until(page, () => document.querySelectorAll('[data-testid=map-car][data-x]:not([data-x=""])').length === 4, undefined, 'places on the line');
  await shoot(page, 'live-dark');
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('the trace opens with the lap that is driven', { timeout }, async () => {
  const page = await open(browser, address);
  // Of the 24 s of a lap so much was driven before the page came that a line of its own would be short.
  await until(page, () => {
    const text = [...document.querySelectorAll('[data-testid=trace] .legend span')].map((cell) => cell.textContent);
    return text.some((value) => /^\d+\.\d$/.test(value));
  });
  await page.goto(`${address}#/live?cars=car%202&by=time&span=60`);
  await until(page, () => {
    const canvas = document.querySelector('[data-testid=trace] canvas');
    if (!canvas) return false;
    const { width, height } = canvas;
    const copy = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    Object.assign(copy.canvas, { width, height });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(Math.round(width * 0.15), 0, Math.round(width * 0.1), height);
    // The line of the car has the first colour; the grid and labels are grey.
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 100 && Math.abs(data[i] - data[i + 2]) > 60) return true;
    return false;
  }, undefined, 'a line at the left, 50 s ago');
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('what is chosen stands in the address, and a reload keeps it', { timeout }, async () => {
  const page = await open(browser, address);
  await count(page, 'tower-row', 4);
  await page.locator('[data-testid=tower-row][data-chassis="car 3"] button').click();
  await until(page, () => location.hash.includes('car%203'));
  await page.reload();
  await count(page, 'tower-row', 4);
  await until(page, () => document.querySelector('[data-testid=tower-row][data-chassis="car 3"] button').getAttribute('aria-pressed') === 'true');
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('a race can be paused, gone back in, and joined again', { timeout }, async () => {
  const page = await open(browser, address);
  await count(page, 'tower-row', 4);
  await click(page, 'play');
  await until(page, () => /at=/.test(location.hash));
  const bar = await page.locator('[data-testid=scrubber]').boundingBox();
  await page.mouse.click(bar.x + bar.width * 0.5, bar.y + bar.height / 2);
  const at = await until(page, () => decodeURIComponent(/at=([^&]+)/.exec(location.hash)?.[1] ?? ''));
  assert.ok(Date.now() - Date.parse(at) > 40_000, 'half of the race ago');
  await isDrawn(page, 'trace');
  await until(page, () => document.querySelectorAll('[data-testid=tower-row]').length === 4);
  await shoot(page, 'looking-back');
  await page.selectOption('footer select', '50');
  await click(page, 'play');
  // Played up to now it is live again, by itself.
  await until(page, () => !/at=/.test(location.hash), undefined, 'live again');
  await page.keyboard.press(' ');
  await until(page, () => /at=/.test(location.hash));
  await page.keyboard.press('l');
  await until(page, () => !/at=/.test(location.hash));
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('laps are listed, chosen and compared; the delta is the one of the API', { timeout }, async () => {
  const page = await open(browser, `${address}#/laps`);
  await count(page, 'lap-row', 8);
  await isDrawn(page, 'lap-chart');
  await shoot(page, 'laps-dark');
  const laps = (await completeLaps()).sort((a, b) => a.lap_time_s - b.lap_time_s);
  const [first, second] = [laps[0], laps.find((lap) => lap.chassis !== laps[0].chassis)];
  for (const lap of [first, second]) await page.locator(`[data-lap="${lap.id}"] input`).check();
  await click(page, 'compare-picked');
  await isDrawn(page, 'compare-trace');
  const shown = Number(await until(page, () => document.querySelector('[data-testid=compare-delta]')?.dataset.delta));
  const told = await (await fetch(`${address}api/compare?laps=${first.id},${second.id}`)).json();
  assert.equal(shown, told.laps[1].delta_s.at(-1));
  assert.ok(Math.abs(shown - (second.lap_time_s - first.lap_time_s)) < 0.001);
  await until(page, () => document.querySelectorAll('.compare table tbody tr').length >= 2, undefined, 'two bends');
  await page.keyboard.press('ArrowRight');
  await until(page, () => /x=5/.test(location.hash));
  await shoot(page, 'compare-dark');
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('a session is found, named and opened', { timeout }, async () => {
  const page = await open(browser, `${address}#/sessions`);
  await count(page, 'session-row');
  await page.getByRole('button', { name: 'Rename' }).click();
  await page.getByLabel('Name of the session').fill('Practice <b>one</b>');
  await page.getByRole('button', { name: 'Keep' }).click();
  await until(page, () => document.querySelector('[data-testid=session-row]').textContent.includes('Practice <b>one</b>'));
  await page.getByTestId('search').fill('nobody');
  await until(page, () => document.querySelectorAll('[data-testid=session-row]').length === 0);
  await page.getByTestId('search').fill('oval');
  await count(page, 'session-row');
  await shoot(page, 'sessions-dark');
  await page.locator('[data-testid=session-row] a').first().click();
  await count(page, 'tower-row', 4);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('windows and the system are shown', { timeout }, async () => {
  const page = await open(browser, `${address}#/system`);
  await until(page, () => Number(document.querySelector('[data-testid=system-rate]')?.textContent.replaceAll(',', '')) > 10);
  await shoot(page, 'system-dark');
  await page.goto(`${address}#/rollups?window=second&machine=${encodeURIComponent(JSON.stringify(['car 2', 'oval']))}`);
  await count(page, 'rollup-row', 3);
  await isDrawn(page, 'rollup-chart');
  await shoot(page, 'windows-dark');
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('overlays stand on nothing', { timeout }, async () => {
  for (const [name, testId] of [['tower', 'tower-row'], ['delta?chassis=car%202', 'overlay-delta'], ['map', 'map-car'], ['tyres?chassis=car%202', 'overlay-tyres']]) {
    const page = await open(browser, `${address}overlay/${name}`, { viewport: { width: 480, height: 400 }, colorScheme: 'dark' });
    await count(page, testId);
    const picture = await page.screenshot({ omitBackground: true });
    const corner = await page.evaluate(async (bytes) => {
      const image = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: 'image/png' }));
      const canvas = new OffscreenCanvas(image.width, image.height);
      const context = canvas.getContext('2d');
      context.drawImage(image, 0, 0);
      return context.getImageData(image.width - 2, image.height - 2, 1, 1).data[3];
    }, [...picture]);
    assert.equal(corner, 0, `${name} is transparent where nothing is`);
    await shoot(page, `overlay-${name.split('?')[0]}`);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  }
});

test('a phone has it all in one column, and the keyboard goes everywhere', { timeout }, async () => {
  const page = await open(browser, address, { viewport: { width: 390, height: 844 } });
  await count(page, 'tower-row', 4);
  await isDrawn(page, 'trace');
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, 'nothing sticks out');
  const seen = await page.evaluate(() => {
    const panel = document.querySelector('.tower-panel').getBoundingClientRect();
    return [...document.querySelectorAll('[data-testid=tower-row]')].filter((row) => row.getBoundingClientRect().bottom <= panel.bottom + 1).length;
  });
  assert.equal(seen, 4, 'the whole order is seen in its panel');
  await shoot(page, 'live-phone');
  for (const view of ['laps', 'compare', 'sessions', 'rollups', 'system']) {
    await page.goto(`${address}#/${view}`);
    await until(page, (v) => location.hash.startsWith(`#/${v}`) && document.querySelector('main .view'), view);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, `nothing sticks out of ${view}`);
  }
  await page.context().close();
  const wide = await open(browser, address);
  await count(wide, 'tower-row', 4);
  await wide.locator('[data-testid=tower-row] button').first().focus();
  await wide.keyboard.press('ArrowDown');
  await wide.keyboard.press('ArrowDown');
  const third = await wide.evaluate(() => document.activeElement.dataset.chassis);
  await wide.keyboard.press('Enter');
  await until(wide, (name) => location.hash.includes(encodeURIComponent(name)), third);
  // The order is told five times a second: whoever has the focus keeps it.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.equal(await wide.evaluate(() => document.activeElement.dataset.chassis), third);
  await wide.keyboard.press('?');
  await until(wide, () => document.querySelector('[data-testid=help]').open);
  await wide.keyboard.press('Escape');
  await until(wide, () => !document.querySelector('[data-testid=help]').open);
  assert.deepEqual([...wide.faults, ...page.faults], []);
  await wide.context().close();
});

test('axe finds nothing on any view, in both themes', { timeout }, async () => {
  const laps = (await completeLaps()).slice(0, 2).map((lap) => lap.id);
  for (const colorScheme of ['dark', 'light']) {
    const page = await open(browser, address, { colorScheme, bypassCSP: true });
    for (const view of ['live', 'live?by=time', 'laps', `compare?laps=${laps}`, 'map', 'sessions', 'rollups', 'system']) {
      await page.goto(`${address}#/${view}`);
      await until(page, () => document.querySelector('main .view .panel'));
      await new Promise((resolve) => setTimeout(resolve, 500));
      await assertAccessible(page, `${view}, ${colorScheme}`);
    }
    if (colorScheme === 'light') {
      await page.goto(`${address}#/live`);
      await isDrawn(page, 'trace');
      await shoot(page, 'live-light');
      await page.goto(`${address}#/compare?laps=${laps}`);
      await isDrawn(page, 'compare-trace');
      await shoot(page, 'compare-light');
    }
    assert.deepEqual(page.faults, []);
    await page.context().close();
  }
});
