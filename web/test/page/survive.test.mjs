// What the page goes through and survives: a server that goes, tokens, names, many cars, machines without laps.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TEST_LIMIT_MS } from '../client.mjs';
import { startServer } from '../server.mjs';
import { assertAccessible, count, isDrawn, open, shoot, startBrowser, until } from './page.mjs';
import { driveRace, startRace } from './race.mjs';

const timeout = TEST_LIMIT_MS;
let browser;
before(async () => (browser = await startBrowser()));
after(() => browser.close());

function withServer(name, environment, run) {
  test(name, { timeout }, async () => {
    const server = await startServer(environment);
    try {
      await run(server, `http://127.0.0.1:${server.port}/`);
    } finally {
      await server.stop();
    }
  });
}

/** A line to `port` that brings what the server says at `line.bytesPerS`. */
async function startLine(port) {
  const line = { bytesPerS: Infinity };
  const sockets = new Set();
  const proxy = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => (client.destroy(), server.destroy(), sockets.delete(socket)));
    }
    client.pipe(server);
    server.on('data', (chunk) => {
      if (line.bytesPerS === Infinity) return client.write(chunk);
      server.pause();
      setTimeout(() => (client.write(chunk), server.resume()), (1000 * chunk.length) / line.bytesPerS);
    });
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return Object.assign(line, { port: proxy.address().port, stop: () => (sockets.forEach((socket) => socket.destroy()), proxy.close()) });
}

const point = (chassis, more = {}) => ({ track: 'oval', chassis, lap: 1, lapdist_m: 10, speed_kmh: 100, ...more });

test('a server that goes and comes back is found again without a reload', { timeout }, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'slipstream-page-'));
  let server = await startServer({ DATA_DIR: dataDir });
  const { port } = server;
  const page = await open(browser, `http://127.0.0.1:${port}/`);
  page.expected = /Failed to load resource|WebSocket connection to .* failed/;
  try {
    let race = await startRace(server, { seconds: 40, names: ['car 1', 'car 2'] });
    await count(page, 'tower-row', 2);
    await page.evaluate(() => (window.notReloaded = true));
    await race.stop();
    await server.stop();
    await until(page, () => document.querySelector('[data-testid=connection]').dataset.state === 'waiting');
    await until(page, () => document.querySelector('[data-testid=retry]'));
    server = await startServer({ DATA_DIR: dataDir, PORT: String(port) });
    await page.locator('[data-testid=retry]').click().catch(() => undefined); // it may have been found by then
    await until(page, () => document.querySelector('[data-testid=connection]').dataset.state === 'live');
    race = await startRace(server, { seconds: 1, names: ['car 1', 'car 2', 'car 3'] });
    await count(page, 'tower-row', 3);
    await race.stop();
    assert.ok(await page.evaluate(() => window.notReloaded));
    assert.deepEqual(page.faults, []);
  } finally {
    await page.context().close();
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
});

withServer('a token is taken from the address, at once and whenever it changes, and leaves it', { API_TOKEN_READ: 'read-token-of-the+pit/wall' }, async (server, address) => {
  const token = 'read-token-of-the+pit/wall';
  const page = await open(browser, address);
  page.expected = /401|WebSocket connection to .* failed/;
  page.faults.length = 0;
  await until(page, () => document.body.textContent.includes('wants a token'));
  await page.evaluate((given) => (location.hash = `#/system?x=1&token=${encodeURIComponent(given)}`), token);
  await until(page, () => document.querySelector('[data-testid=connection]').dataset.state === 'live');
  assert.equal(await page.evaluate(() => location.hash), '#/system?x=1');
  await until(page, () => document.querySelector('[data-testid=system-rate]'));
  await page.reload();
  await until(page, () => document.querySelector('[data-testid=connection]').dataset.state === 'live');
  await page.context().close();

  const other = await open(browser, `${address}#token=${encodeURIComponent(token)}`);
  await until(other, () => document.querySelector('[data-testid=connection]').dataset.state === 'live');
  assert.equal(other.url(), address, 'the token does not stay where others look');
  assert.deepEqual(other.faults, []);
  await other.context().close();

  const typed = await open(browser, address);
  typed.expected = page.expected;
  await typed.locator('#token').fill(token);
  await typed.getByRole('button', { name: 'Use it' }).click();
  await until(typed, () => document.querySelector('[data-testid=connection]').dataset.state === 'live');
  await typed.context().close();
});

withServer('names are texts, whatever is in them', {}, async (server, address) => {
  const names = [
    '<img src=x onerror="window.fell=1">', '\u202eesrever', '🏎️ кириллица 車', '__proto__', 'constructor', 'a'.repeat(128), '"quote\', & <b>',
  ];
  const drive = async () => {
    for (let step = 0; step < 3; step++) await server.ingest(names.map((name) => point(name, { lapdist_m: 10 + step * 5, meta_time: Date.now(), ['<i>x</i>']: step })));
  };
  await drive();
  const page = await open(browser, address);
  const feeding = setInterval(() => void drive().catch(() => undefined), 300);
  try {
    await count(page, 'tower-row', names.length);
    for (const name of names.slice(0, 5)) {
      const row = page.locator('[data-testid=tower-row]').filter({ has: page.locator(`button[data-chassis=${JSON.stringify(name)}]`) });
      await row.locator('button').click();
    }
    await until(page, () => document.querySelectorAll('.traces-panel .chip').length >= 5);
    for (const view of ['laps', 'sessions', 'rollups', 'system', 'live', 'map']) {
      await page.goto(`${address}#/${view}`);
      await until(page, () => document.querySelector('main .view'));
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    assert.equal(await page.evaluate(() => window.fell), undefined);
    assert.equal(await page.evaluate(() => document.querySelectorAll('main img, main i:not([class]):not([aria-hidden])').length), 0);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 1400, 'a long name pushes nothing aside');
    assert.ok(!(await page.evaluate(() => document.body.innerText)).includes('\u202e'), 'no mark turns the text around it');
    await page.goto(`${address}#/live`);
    await count(page, 'tower-row', names.length);
    await shoot(page, 'names');
    assert.deepEqual(page.faults, []);
  } finally {
    clearInterval(feeding);
    await page.context().close();
  }
});

withServer('two hundred cars fit, and a ninth is refused in words', {}, async (server, address) => {
  const drive = (step) => server.ingest(Array.from({ length: 200 }, (_, car) => point(`car ${car + 1}`, { lapdist_m: 5 * car + step * 3, meta_time: Date.now() })));
  let step = 0;
  await drive(step);
  const page = await open(browser, address);
  const feeding = setInterval(() => void drive(++step).catch(() => undefined), 250);
  try {
    await count(page, 'tower-row', 200);
    await isDrawn(page, 'trace');
    const { view, panel } = await page.evaluate(() => ({ view: innerHeight, panel: document.querySelector('.traces-panel').getBoundingClientRect().height }));
    assert.ok(panel < view, 'the traces have the screen, not more');
    for (let car = 0; car < 10; car++) {
      const button = page.locator('[data-testid=tower-row] button').nth(car + 2);
      if ((await button.getAttribute('aria-pressed')) === 'false') await button.click();
    }
    await until(page, () => document.querySelector('.toast')?.textContent.includes('at most'));
    await shoot(page, 'two-hundred');
    assert.deepEqual(page.faults, []);
  } finally {
    clearInterval(feeding);
    await page.context().close();
  }
});

withServer('a session of yesterday opens once and stays', {}, async (server, address) => {
  await driveRace(server, { begun: Date.now() - 86_400_000, seconds: 120 });
  let session;
  while (!session) [session] = (await (await fetch(`${address}api/sessions`)).json()).sessions.filter((each) => each.laps >= 4);
  const page = await open(browser, `${address}#/sessions`);
  await count(page, 'session-row');
  let asked = 0;
  page.on('request', (request) => (asked += request.url().endsWith('/api/sessions') ? 1 : 0));
  await page.locator('[data-testid=session-row] a.title').click();
  await count(page, 'tower-row', 1);
  for (let look = 0; look < 30; look++) {
    assert.ok((await page.evaluate(() => document.querySelectorAll('[data-testid=tower-row]').length)) > 0, `there at look ${look}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(asked < 5, `${asked} questions for the list of sessions`);
  // It begins where it began; a minute on all four have come by, and their traces are read from the log.
  await page.locator('[data-testid=scrubber]').focus();
  await page.keyboard.press('PageUp');
  await count(page, 'tower-row', 4);
  await isDrawn(page, 'trace');
  await shoot(page, 'yesterday');
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

withServer('of two tracks that are live one stays, and playing ends where it was left', {}, async (server, address) => {
  const races = [await startRace(server, { seconds: 60 }), await startRace(server, { seconds: 60, more: { track: 'ring' } })];
  const page = await open(browser, address);
  try {
    await count(page, 'tower-row', 4);
    await until(page, () => document.querySelectorAll('.tracks button').length === 2);
    const shown = () => page.evaluate(() => document.querySelector('.tracks [aria-pressed=true]').textContent);
    const first = await shown();
    for (let look = 0; look < 30; look++) {
      assert.equal(await shown(), first);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await page.getByRole('button', { name: '−10 s' }).click();
    await page.locator('[data-testid=play]').click();
    await page.locator('.tracks [aria-pressed=false]').click();
    await until(page, () => document.querySelector('[data-testid=go-live]').getAttribute('aria-pressed') === 'true');
    // Live is now: the bar stands at its end.
    await until(page, () => document.querySelector('.scrubber .done').style.width === '100%');
    assert.deepEqual(page.faults, []);
  } finally {
    for (const race of races) await race.stop();
    await page.context().close();
  }
});

withServer('on a slow line the page asks for less, and says so', {}, async (server) => {
  const race = await startRace(server, { seconds: 30, names: Array.from({ length: 20 }, (_, n) => `car ${n + 1}`) });
  const line = await startLine(server.port);
  const page = await open(browser, `http://127.0.0.1:${line.port}/`);
  try {
    await count(page, 'tower-row', 20);
    await isDrawn(page, 'trace');
    assert.equal(await page.evaluate(() => document.body.textContent.includes('This line is slow')), false);
    line.bytesPerS = 6000;
    await until(page, () => document.body.textContent.includes('This line is slow'));
    assert.deepEqual(page.faults, []);
  } finally {
    line.stop();
    await race.stop();
    await page.context().close();
  }
});

withServer('an open wall does not grow', {}, async (server, address) => {
  const race = await startRace(server, { seconds: 60, names: Array.from({ length: 20 }, (_, n) => `car ${n + 1}`) });
  const page = await open(browser, address);
  try {
    await count(page, 'tower-row', 20);
    await isDrawn(page, 'trace');
    const session = await page.context().newCDPSession(page);
    const used = async () => {
      await session.send('HeapProfiler.collectGarbage');
      return (await session.send('Runtime.getHeapUsage')).usedSize;
    };
    await new Promise((resolve) => setTimeout(resolve, 4000)); // what is made once is made by then
    const before = await used();
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    const grown = (await used()) - before;
    // A table of 20 cars that is held on to each time that it is told would be some 10 MB by now.
    assert.ok(grown < 2_500_000, `${grown} bytes in 12 s`);
  } finally {
    await race.stop();
    await page.context().close();
  }
});

withServer('a fleet without laps is shown without any word of laps', {}, async (server, address) => {
  const drive = (at) => server.ingest(Array.from({ length: 6 }, (_, n) => ({
    track: n % 2 ? 'hall a' : 'hall b', chassis: `robot ${n}`, meta_time: at, tags: { line: n % 3 ? 'weld' : 'paint' }, temp_c: 40 + n, battery_pct: 90 - n,
  })));
  await drive(Date.now());
  const page = await open(browser, address, { bypassCSP: true });
  const feeding = setInterval(() => void drive(Date.now()).catch(() => undefined), 200);
  try {
    await count(page, 'machine', 6);
    await isDrawn(page, 'trace');
    const main = await page.evaluate(() => document.querySelector('main').innerText);
    assert.doesNotMatch(main, /\blap/i);
    await page.locator('[data-testid=tags]').click();
    await page.getByLabel('line=paint').check();
    await until(page, () => document.querySelectorAll('[data-testid=machine]').length === 2);
    await page.goto(`${address}#/live`);
    await count(page, 'machine', 6);
    await until(page, () => document.querySelectorAll('.sparkline polyline').length === 6);
    await shoot(page, 'fleet');
    await assertAccessible(page, 'fleet');
    assert.deepEqual(page.faults, []);
  } finally {
    clearInterval(feeding);
    await page.context().close();
  }
});

withServer('a page that nobody has sent a point to says how', {}, async (server, address) => {
  const page = await open(browser, address, { bypassCSP: true });
  await until(page, () => document.querySelector('[data-testid=first-steps]'));
  const command = await page.evaluate(() => document.querySelector('[data-testid=first-steps] code').textContent);
  assert.ok(command.startsWith(`curl http://127.0.0.1:${server.port}/api/ingest -H `), command);
  await shoot(page, 'first-steps');
  await assertAccessible(page, 'first steps');
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
