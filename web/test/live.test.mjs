// Every message of the WebSocket's protocol, with a client that we did not write: ws from npm.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client, TEST_LIMIT_MS, WAYS, noise, point } from './client.mjs';
import { startServer } from './server.mjs';

for (const { deflated, say: name, options } of WAYS) {
  let server;
  const open = () => Client.open(server.url, options);
  before(async () => (server = await startServer({ BATCH_MS: '50', MAX_WS_BUFFER: '200000' })));
  after(() => server.stop());

  test(name('a client that says nothing gets points and insights'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    assert.equal(client.ws.extensions, deflated ? 'permessage-deflate' : '');
    await server.ingest(point('silent'));
    const update = await client.next((m) => m.type === 'telemetry_update' && m.data.some((p) => p.chassis === 'silent'));
    assert.equal(update.data.find((p) => p.chassis === 'silent').speed_kmh, 100);
    const insights = await client.next((m) => m.type === 'insight_update' && m.data.some((d) => d.chassis === 'silent'));
    assert.equal(insights.meta.analysis_version, '2.0');
    client.close();
  });

  test(name('subscribe is answered with what is in force, and holds'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    const wanted = {
      type: 'subscribe', id: 'mine', channels: ['telemetry', 'insights'], where: { track: ['cota'], chassis: ['one'] },
      fields: ['rpm'], policy: 'skip',
    };
    assert.deepEqual(await client.ask(wanted, 'subscribed'), {
      ...wanted, type: 'subscribed', max_hz: null, windows: ['sector', 'second'],
    });
    await server.ingest([point('two'), point('one'), point('one', { track: 'spa' })]);
    const update = await client.next('telemetry_update');
    assert.deepEqual(update.data.map((p) => Object.keys(p).sort()), [['chassis', 'lap', 'meta_time', 'rpm', 'sector', 'track']]);
    assert.equal(update.data[0].chassis, 'one');
    const insights = await client.next('insight_update');
    assert.deepEqual(insights.data.map((d) => [d.track, d.chassis]), [['cota', 'one']]);
    client.close();
  });

  test(name('max_hz gives the newest of each machine'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    await client.ask({ type: 'subscribe', channels: ['telemetry'], where: { chassis: 'fast' }, max_hz: 2 }, 'subscribed');
    await server.ingest(point('fast', { n: 0 }));
    assert.equal((await client.next('telemetry_update')).data[0].n, 0);
    for (let n = 1; n <= 20; ++n) await server.ingest(point('fast', { n }));
    const next = await client.next('telemetry_update');
    assert.equal(next.data.length, 1);
    client.close();
  });

  test(name('system says once a second what health says'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    await client.ask({ type: 'subscribe', channels: ['system'] }, 'subscribed');
    const { data } = await client.next('system_update');
    assert.equal(typeof data.metrics.messageRate, 'number');
    assert.ok(data.metrics.wsClients >= 1);
    assert.equal(data.ok, true);
    client.close();
  });

  test(name('rollups come after the commit, are resumed, and end live'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    const { cursor } = await client.ask(
      { type: 'subscribe', channels: ['rollups'], where: { chassis: ['roll'] }, windows: ['bucket'] }, 'subscribed');
    assert.equal(typeof cursor, 'string');
    for (let lap = 1; lap <= 3; ++lap) await server.ingest(Array.from({ length: 10 }, () => point('roll', { lap })));
    const seen = [];
    while (!seen.some((r) => r.window === 'sector' && r.lap === 2) || !seen.some((r) => r.window === 'bucket')) {
      seen.push(...(await client.next('rollup_update')).data);
    }
    assert.ok(seen.every((r) => r.chassis === 'roll'));
    client.close();

    const again = await open();
    await again.ask({ type: 'subscribe', channels: [], where: { chassis: ['roll'] } }, 'subscribed');
    const resumed = await again.ask({ type: 'resume', channel: 'rollups', after: cursor }, 'subscribed');
    assert.deepEqual(resumed.channels, ['rollups']);
    const missed = [];
    while (missed.filter((r) => r.window === 'sector').length < 2) missed.push(...(await again.next('rollup_update')).data);
    await server.ingest(point('roll', { lap: 4 }));
    while (missed.filter((r) => r.window === 'sector').length < 3) missed.push(...(await again.next('rollup_update')).data);
    assert.deepEqual(missed.filter((r) => r.window === 'sector').map((r) => r.lap), [1, 2, 3]);
    assert.ok(missed.every((r) => r.window !== 'bucket'));
    assert.equal(new Set(missed.map((r) => r.window_id)).size, missed.length);
    again.close();
  });

  test(name('publish is acknowledged, and taken once under its id'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    const id = `lap 7${name('')}`;
    const publish = { type: 'publish', id, points: [point('pub'), { chassis: 'no track' }, 5] };
    const ack = await client.ask(publish, 'ack');
    assert.equal(ack.id, id);
    assert.deepEqual([ack.accepted, ack.rejected], [1, 2]);
    assert.deepEqual(ack.errors.map((e) => e.reason), ['missing_dimension', 'not_an_object']);
    const before = await server.metric('slipstream_points_accepted_total{source="ws"}');
    assert.deepEqual(await client.ask(publish, 'ack'), ack);
    assert.equal(await server.metric('slipstream_points_accepted_total{source="ws"}'), before);
    const numbered = await client.ask({ type: 'publish', id: 5, points: [point('pub')] }, 'ack');
    assert.deepEqual([numbered.id, numbered.accepted], [5, 1]);
    assert.equal((await client.ask({ type: 'publish', points: [point('pub')] }, 'ack')).id, null);
    const nothing = await client.ask({ type: 'publish', id: 9, points: [] }, 'ack');
    assert.deepEqual([nothing.ok, nothing.accepted, nothing.errors[0].reason], [false, 0, 'empty']);
    client.close();
  });

  test(name('pings are answered, on both levels'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    assert.deepEqual(await client.ask({ type: 'ping' }, 'pong'), { type: 'pong' });
    assert.deepEqual(await client.ask({ type: 'ping', id: 3 }, 'pong'), { type: 'pong', id: 3 });
    const pong = new Promise((resolve) => client.ws.once('pong', resolve));
    client.ws.ping('hello');
    assert.equal(String(await pong), 'hello');
    client.close();
  });

  const fill = async (policy) => {
    const before = await server.metric(`slipstream_ws_messages_skipped_total{policy="${policy}"}`);
    for (let n = 0; (await server.metric(`slipstream_ws_messages_skipped_total{policy="${policy}"}`)) < before + 3; ++n) {
      await server.ingest(point('slow', { n, note: noise() }));
    }
  };
  const slow = async (policy) => {
    const client = await open();
    await client.ask({ type: 'subscribe', channels: ['telemetry'], where: { chassis: 'slow' }, policy }, 'subscribed');
    client.ws.pause();
    await fill(policy);
    return client;
  };

  test(name('a client that did not read is told what it missed'), { timeout: TEST_LIMIT_MS }, async () => {
    const skipped = () => server.metric('slipstream_ws_messages_skipped_total{policy="skip"}');
    const before = await skipped();
    const client = await slow('skip');
    client.ws.resume();
    // It may be skipped more than once before it has caught up.
    const told = () => client.got.filter((m) => m.type === 'gap').reduce((sum, gap) => sum + gap.missed, 0);
    for (let n = 0; told() < (await skipped()) - before; ++n) await server.ingest(point('slow', { after: n }));
    assert.equal(told(), (await skipped()) - before);
    assert.ok(told() >= 3);
    const first = client.got.findIndex((m) => m.type === 'gap');
    const earlier = client.got.slice(0, first).filter((m) => m.type === 'telemetry_update');
    assert.ok(earlier.every((m) => m.data.every((p) => p.after === undefined)));
    client.close();
  });

  test(name('a conflating client gets the newest once it reads'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await slow('conflate');
    await server.ingest(point('slow', { last: true }));
    client.ws.resume();
    await client.next((m) => m.type === 'telemetry_update' && m.data.at(-1).last === true, 'with the last point');
    assert.ok(client.got.every((m) => m.type !== 'gap'), 'no gap');
    client.close();
  });
}
