// The protocol with Chromium's own WebSocket.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPage, startBrowser, startSite } from './browser.mjs';
import { withCertificate } from './certificate.mjs';
import { TEST_LIMIT_MS, noise, point } from './client.mjs';
import { WITHOUT_IDLENESS, startServer } from './server.mjs';

const timeout = TEST_LIMIT_MS;
let browser;
before(async () => (browser = await startBrowser()));
after(() => browser.close());

/** With a server, and a page of its own or of another site. */
function inBrowser(name, environment, run) {
  test(name, { timeout }, async () => {
    const site = await startSite();
    const server = await startServer(environment(site), WITHOUT_IDLENESS);
    try {
      await run(server, site);
    } finally {
      await server.stop();
      site.stop();
    }
  });
}
const ownPage = (server) => openPage(browser, `http://127.0.0.1:${server.port}/`); // whose policy lets it connect to its server

inBrowser('a browser subscribes, publishes, resumes', () => ({}), async (server) => {
  const page = await ownPage(server);
  const result = await page.evaluate(async (url) => {
    const { ws, say, ask, next, closed } = await dial(url);
    const wish = { type: 'subscribe', channels: ['telemetry', 'rollups'], where: { chassis: 'büro' }, id: 1 };
    const subscribed = await ask(wish, 'subscribed');
    const points = (lap) => Array.from({ length: 30 }, () => ({ track: 'cota', chassis: 'büro', lap, lapdist_m: 10 }));
    const ack = await ask({ type: 'publish', id: 'a', points: points(1) }, 'ack');
    const update = await next('telemetry_update');
    say({ type: 'publish', id: 'b', points: points(2) });
    const live = await next('rollup_update');
    const again = await ask({ type: 'resume', channel: 'rollups', after: subscribed.cursor }, 'rollup_update');
    const pong = await ask({ type: 'ping', id: 'p' }, 'pong');
    const { extensions } = ws;
    ws.close(3001, 'done');
    return { subscribed, ack, update, live, again, pong, extensions, closed: await closed };
  }, server.url);
  assert.deepEqual(result.subscribed, {
    type: 'subscribed', channels: ['telemetry', 'rollups'], where: { chassis: ['büro'] }, fields: null, max_hz: null,
    policy: 'skip', windows: ['sector', 'second'], cursor: '0', id: 1,
  });
  assert.deepEqual(result.ack, { type: 'ack', id: 'a', ok: true, accepted: 30, rejected: 0, errors: [] });
  assert.equal(result.update.data[0].chassis, 'büro');
  assert.deepEqual(result.live.data.map((r) => [r.window, r.chassis, r.lap]), [['sector', 'büro', 1]]);
  assert.deepEqual(result.again, result.live);
  assert.deepEqual(result.pong, { type: 'pong', id: 'p' });
  assert.match(result.extensions, /^permessage-deflate/);
  assert.deepEqual(result.closed, { code: 3001, reason: '', wasClean: true });
});

inBrowser('a browser that says nothing gets points and insights, and system when it asks', () => ({ BATCH_MS: '50' }), async (server) => {
  const page = await ownPage(server);
  await page.evaluate(async (url) => void (window.client = await dial(url)), server.url);
  await server.ingest(point('silent'));
  const { update, insights, system } = await page.evaluate(async () => {
    const { ask, next } = window.client;
    const [update, insights] = [await next('telemetry_update'), await next('insight_update')];
    await ask({ type: 'subscribe', channels: ['system'] }, 'subscribed');
    return { update, insights, system: await next('system_update') };
  });
  assert.deepEqual(update.data.map((p) => [p.chassis, p.speed_kmh]), [['silent', 100]]);
  assert.deepEqual([insights.data[0].chassis, insights.meta.vehicle_count], ['silent', 1]);
  assert.deepEqual([system.data.ok, system.data.metrics.messagesReceived], [true, 1]);
});

inBrowser('a browser is told why it is refused', () => ({ API_TOKEN_WRITE: 'write-token-of-a-car' }), async (server) => {
  const cases = [
    ['{', 'malformed_json'],
    ['[]', 'not_an_object'],
    [{ type: 'dance' }, 'unknown_type'],
    [{ type: 'ping', id: [] }, 'bad_id'],
    [{ type: 'subscribe', channels: 1 }, 'bad_channels'],
    [{ type: 'subscribe', channels: ['weather'] }, 'unknown_channel'],
    [{ type: 'subscribe', where: 1 }, 'bad_where'],
    [{ type: 'subscribe', where: { chassis: Array.from({ length: 257 }, (_, i) => `${i}`) } }, 'too_many_values'],
    [{ type: 'subscribe', fields: [] }, 'bad_fields'],
    [{ type: 'subscribe', max_hz: 0 }, 'bad_max_hz'],
    [{ type: 'subscribe', policy: 'wait' }, 'bad_policy'],
    [{ type: 'subscribe', windows: ['minute'] }, 'bad_windows'],
    [{ type: 'resume', channel: 'rollups', after: '9.1' }, 'bad_cursor'],
    [{ type: 'publish', points: 1 }, 'bad_points'],
    [{ type: 'publish', id: 7, points: [point('a')] }, 'unauthorized'],
  ];
  const page = await ownPage(server);
  const errors = await page.evaluate(async ([url, messages]) => {
    const { ask } = await dial(url);
    const all = [];
    for (const message of messages) all.push(await ask(message, 'error'));
    return all;
  }, [server.url, cases.map(([message]) => message)]);
  assert.deepEqual(errors.map((e) => e.reason), cases.map(([, reason]) => reason));
  assert.equal(errors.at(-1).id, 7);
});

inBrowser('a browser is closed with the code that fits', () => ({}), async (server) => {
  const page = await ownPage(server);
  const closes = await page.evaluate(async (url) => {
    const close = async (act) => {
      const { ws, closed } = await dial(url);
      act(ws);
      return closed;
    };
    return [
      await close((ws) => ws.send(new Uint8Array([123, 125]))),
      await close((ws) => ws.send(new Blob(['{}']))),
      await close((ws) => ws.send(' '.repeat((1 << 20) + 1))),
      await close((ws) => ws.close()),
      await close((ws) => ws.close(1000, 'bye')),
    ];
  }, server.url);
  assert.deepEqual(closes.map((c) => [c.code, c.wasClean]), [1003, 1003, 1009, 1000, 1000].map((code) => [code, true]));
  await page.evaluate(async (url) => void (window.client = await dial(url)), server.url);
  await server.stop();
  assert.deepEqual(await page.evaluate(() => window.client.closed), { code: 1001, reason: 'the server is stopping', wasClean: true });
});

const slow = (site) => ({ MAX_WS_BUFFER: '100000', ORIGINS: site.origin });
for (const policy of ['skip', 'conflate', 'disconnect']) {
  inBrowser(`a browser that does not read: ${policy}`, slow, async (server, site) => {
    const page = await openPage(browser, site.origin);
    const skipped = () => server.metric(`slipstream_ws_messages_skipped_total{policy="${policy}"}`);
    const held = site.holds();
    const outcome = page.evaluate(async ([url, policy]) => {
      const { ask, next, messages, closed } = await dial(url);
      await ask({ type: 'subscribe', channels: ['telemetry'], policy }, 'subscribed');
      const request = new XMLHttpRequest();
      request.open('GET', '/hold', false); // nothing is read until it is answered
      request.send();
      if (policy === 'disconnect') return closed;
      const told = await next(policy === 'skip' ? 'gap' : (m) => m.type === 'telemetry_update' && m.data.at(-1).last);
      return { told, gaps: messages.filter((m) => m.type === 'gap').length };
    }, [server.url, policy]);
    await held;
    while ((await skipped()) === 0) await server.ingest(Array.from({ length: 4 }, () => point('slow', { note: noise() })));
    if (policy === 'conflate') await server.ingest(point('slow', { last: true }));
    site.release();
    if (policy === 'skip') {
      let isTold = false;
      outcome.then(() => (isTold = true));
      while (!isTold) await server.ingest(point('slow')); // it is told before the next
      const { told } = await outcome;
      assert.deepEqual(told, { type: 'gap', missed: told.missed });
      assert.ok(Number.isInteger(told.missed) && told.missed >= 1);
    } else if (policy === 'conflate') {
      const { told, gaps } = await outcome;
      assert.equal(told.data.at(-1).chassis, 'slow');
      assert.equal(gaps, 0);
    } else {
      assert.deepEqual(await outcome, { code: 1013, reason: 'too slow: its buffer is full', wasClean: true });
    }
  });
}

const READ = 'read-token-of-the-pit-wall';
const guarded = (site) => ({ ORIGINS: site.origin, API_TOKEN_READ: READ });
inBrowser('pages get in by their origin and their token', guarded, async (server, site) => {
  const stranger = await startSite();
  try {
    const tries = ([url, token]) => {
      const http = url.replace('ws:', 'http:').replace('/ws/realtime', '/api/series');
      const enter = async (address) => {
        const { refused, ask } = await dial(address);
        return refused ? refused.code : (await ask({ type: 'ping' }, 'pong')).type;
      };
      const read = (headers) => fetch(http, { headers }).then((r) => r.status, (error) => error.name);
      return (async () => [
        await enter(`${url}?token=${token}`), await enter(url), await enter(`${url}?token=nobody`),
        await read({ Authorization: `Bearer ${token}` }), await read({}),
      ])();
    };
    const from = async (address) => (await openPage(browser, address)).evaluate(tries, [server.url, READ]);
    assert.deepEqual(await from(site.origin), ['pong', 1006, 1006, 200, 401]);
    assert.deepEqual(await from(`http://127.0.0.1:${server.port}/`), ['pong', 1006, 1006, 200, 401]);
    assert.deepEqual(await from(stranger.origin), [1006, 1006, 1006, 'TypeError', 'TypeError']);
  } finally {
    stranger.stop();
  }
});

test('a page that came by TLS connects by TLS, where its certificate is trusted', { timeout }, () =>
  withCertificate(async (environment) => {
    const server = await startServer(environment);
    const trusting = await browser.newContext({ ignoreHTTPSErrors: true });
    try {
      const address = `https://127.0.0.1:${server.port}/`;
      await assert.rejects(openPage(browser, address), /ERR_CERT_AUTHORITY_INVALID/);
      const page = await openPage(trusting, address);
      const url = server.url.replace('ws:', 'wss:');
      const pong = await page.evaluate(async (url) => (await dial(url)).ask({ type: 'ping', id: 1 }, 'pong'), url);
      assert.deepEqual(pong, { type: 'pong', id: 1 });
    } finally {
      await trusting.close();
      await server.stop();
    }
  }));
