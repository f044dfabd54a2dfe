// Every member of what a client may ask for, and of what it is sent, with ws from npm.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client, LIMIT_MS, TEST_LIMIT_MS, WAYS, eventually, noise, point } from './client.mjs';
import { WITHOUT_IDLENESS, startServer } from './server.mjs';

const DEFAULTS = {
  type: 'subscribed',
  channels: ['telemetry', 'insights'],
  where: {},
  fields: null,
  max_hz: null,
  policy: 'skip',
  windows: ['sector', 'second'],
};
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

for (const { say: name, options } of WAYS) {
  let server;
  before(async () => (server = await startServer({ BATCH_MS: '50' }, WITHOUT_IDLENESS)));
  after(() => server.stop());
  const open = () => Client.open(server.url, options);
  const subscribed = async (client, wish) => client.ask({ type: 'subscribe', ...wish }, 'subscribed');

  test(name('what is left out of a subscription has its default, and each replaces the one before'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    assert.deepEqual(await subscribed(client, {}), DEFAULTS);
    const { cursor, ...all } = await subscribed(client, {
      id: 1, channels: ['system', 'rollups', 'telemetry'], where: { track: 'cota', chassis: ['b', 'a', 'b'] }, fields: 'rpm',
      max_hz: 2.5, policy: 'conflate', windows: ['bucket', 'sector'], unknown: true,
    });
    assert.deepEqual(all, {
      type: 'subscribed', channels: ['telemetry', 'rollups', 'system'], where: { track: ['cota'], chassis: ['a', 'b'] },
      fields: ['rpm'], max_hz: 2.5, policy: 'conflate', windows: ['sector', 'second', 'bucket'], id: 1,
    });
    assert.equal(cursor, '0');
    for (const policy of ['skip', 'conflate', 'disconnect']) {
      assert.deepEqual(await subscribed(client, { policy }), { ...DEFAULTS, policy });
    }
    const nothing = { channels: null, where: null, fields: null, max_hz: null, policy: null, windows: null, id: null };
    assert.deepEqual(await subscribed(client, nothing), DEFAULTS);
    assert.deepEqual(await subscribed(client, { channels: [], where: {}, windows: [] }), { ...DEFAULTS, channels: [] });
    client.close();
  });

  const seesAll = async (client, places, round) => {
    const seen = [];
    const ended = () => seen.filter((p) => p.round === round && p.end === true).length;
    while (ended() < places.length) seen.push(...(await client.next('telemetry_update')).data);
    return seen;
  };

  test(name('where takes tracks, machines or both, one or several'), { timeout: TEST_LIMIT_MS }, async () => {
    const [client, witness] = [await open(), await open()];
    const track = (text) => name(text); // of this way's own
    const places = ['cota', 'spa'].flatMap((t) => ['a', 'b', 'ü"\\'].map((chassis) => ({ track: track(t), chassis })));
    const [cota, spa] = [track('cota'), track('spa')];
    await subscribed(witness, { channels: ['telemetry'], where: { track: [cota, spa] } });
    const wishes = [
      [{ track: [spa, cota] }, () => true],
      [{ track: spa }, (p) => p.track === spa],
      [{ track: [spa, cota], chassis: 'ü"\\' }, (p) => p.chassis === 'ü"\\'],
      [{ track: [spa, cota], chassis: ['a', 'none'] }, (p) => p.chassis === 'a'],
      [{ track: cota, chassis: ['b', 'a'] }, (p) => p.track === cota && p.chassis !== 'ü"\\'],
      [{ track: [spa, cota] }, () => true],
    ];
    for (const [round, [where, holds]] of wishes.entries()) {
      await subscribed(client, { channels: ['telemetry'], where });
      for (const end of [false, true]) await server.ingest(places.map((place) => point('', { ...place, round, end })));
      await seesAll(witness, places, round); // nothing of it is still to come
      const wanted = places.filter(holds);
      const seen = await seesAll(client, wanted, round);
      const text = (p) => `${p.track} ${p.chassis} ${p.round} ${p.end}`;
      assert.deepEqual(seen.map(text).sort(), wanted.flatMap((p) => [false, true].map((end) => text({ ...p, round, end }))).sort());
    }
    for (const c of [client, witness]) c.close();
  });

  test(name('a point comes with all its members, the last of a burst too'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    await subscribed(client, { channels: ['telemetry'], where: { chassis: 'whole' } });
    const sent = { ...point('whole'), meta_time: '2025-01-02T03:04:05.678901234Z', sector: 0, driver: 'ü', wet: true, brake: 1.25 };
    const burst = Array.from({ length: 333 }, (_, n) => ({ ...sent, n }));
    await server.ingest(burst);
    const seen = [];
    while (seen.length < burst.length) seen.push(...(await client.next('telemetry_update')).data);
    assert.deepEqual(seen, burst);
    assert.ok(client.got.every((m) => m.type !== 'telemetry_update'), 'once');
    client.close();
  });

  test(name('fields hold for rollups, of which the rest stays'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    await subscribed(client, { channels: ['rollups'], where: { chassis: 'fields' }, fields: ['rpm', 'brake'] });
    const meta_time = '2025-01-02T03:04:05Z';
    for (const lap of [1, 2]) {
      await server.ingest([1, 2].map((n) => point('fields', { lap, meta_time, rpm: 1000 * n, wing: n })));
    }
    const { data, cursor } = await client.next('rollup_update');
    const { window_id, ...rollup } = data[0];
    assert.deepEqual(rollup, {
      track: 'cota', chassis: 'fields', lap: 1, sector: 0, window: 'sector', count: 2,
      first_ts: meta_time, last_ts: meta_time, tags: {},
      avg_rpm: 1500, min_rpm: 1000, max_rpm: 2000, std_rpm: 500, last_rpm: 2000,
    });
    assert.match(window_id, /^\S+$/);
    assert.equal(typeof cursor, 'string');
    client.close();
  });

  test(name('max_hz gives the newest of each machine, and no more often'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    const chassis = ['fast', 'slow'];
    await subscribed(client, { channels: ['telemetry'], where: { chassis }, max_hz: 5 });
    const began = Date.now();
    const last = {};
    for (let updates = 1, n = 0; updates <= 5; ++updates) {
      const sent = n + 10;
      for (; n < sent; ++n) await server.ingest(n % 10 === 0 ? chassis.map((c) => point(c, { n })) : point('fast', { n }));
      const { data } = await client.next('telemetry_update');
      assert.ok(Date.now() - began >= (updates - 1) * 200 - 5, `update ${updates} after ${Date.now() - began} ms`);
      assert.equal(new Set(data.map((p) => p.chassis)).size, data.length, 'each machine once');
      for (const p of data) {
        assert.ok(!(p.n <= last[p.chassis]), 'nothing twice, nothing older after newer');
        last[p.chassis] = p.n;
      }
    }
    while (last.fast < 49 || last.slow < 40) {
      for (const p of (await client.next('telemetry_update')).data) last[p.chassis] = p.n;
    }
    assert.deepEqual(last, { fast: 49, slow: 40 });
    client.close();
  });

  test(name('insights have machines, gaps, notices and what they are made of'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    const track = name('insights');
    await subscribed(client, { channels: ['insights'], where: { track } });
    // An update may fall between the two: then the next has both. A notice is raised once, by the first.
    const told = [];
    const both = await eventually(async () => {
      await server.ingest([
        ...Array(12).fill(point('first', { track, speed_kmh: 200, accx_can: 30 })),
        ...Array(12).fill(point('second', { track, speed_kmh: 199 })),
      ]);
      const update = await client.next('insight_update');
      told.push(...update.insights);
      return update.data.length === 2 && update;
    });
    const { type, data, gaps, insights, meta, ...more } = both;
    assert.ok(Array.isArray(insights));
    assert.deepEqual([type, more], ['insight_update', {}]);
    const first = data.find((d) => d.chassis === 'first');
    assert.deepEqual(Object.keys(first).sort(), [
      'chassis', 'lap', 'lap_tire_stress', 'laps_until_0_5s_loss', 'meta', 'perSectorStress', 'predicted_loss_per_lap_seconds',
      'track',
    ]);
    const points = first.meta.pointCount;
    assert.equal(points % 12, 0);
    assert.deepEqual([first.track, first.lap], [track, 1]);
    assert.deepEqual([first.lap_tire_stress, first.perSectorStress], [900 * points, { 0: 900 * points }]);
    assert.deepEqual([first.predicted_loss_per_lap_seconds, first.laps_until_0_5s_loss], [Math.round(45 * points) / 1000, 1]);
    assert.deepEqual(Object.keys(first.meta).sort(), [
      'avgAcceleration', 'avgBraking', 'avgCornering', 'avgSpeed', 'consistency', 'maxAcceleration', 'maxBraking', 'maxCornering',
      'maxSpeed', 'performanceTrend', 'pointCount', 'sectorTimes',
    ]);
    assert.deepEqual([first.meta.avgSpeed, first.meta.consistency, first.meta.performanceTrend], [200, 100, 'stable']);
    assert.deepEqual(gaps, [
      { chassis: 'first', position: 1, gapToLeader: 0, gapToAhead: null, gapToBehind: 0.5, relativeSpeed: 0,
        overtakingOpportunity: false, underPressure: true },
      { chassis: 'second', position: 2, gapToLeader: 0.5, gapToAhead: 0.5, gapToBehind: null, relativeSpeed: -1,
        overtakingOpportunity: true, underPressure: false },
    ]);
    assert.deepEqual(told.map((i) => [i.type, i.severity, i.state, i.chassis]), [['tire_wear', 'critical', 'raised', 'first']]);
    for (const { message, timestamp, data: details } of told) {
      assert.ok(message.length > 0 && Math.abs(timestamp - Date.now()) < LIMIT_MS && typeof details === 'object');
    }
    assert.deepEqual([meta.vehicle_count, meta.analysis_version], [2, '2.0']);
    assert.match(meta.generated_at, ISO);
    client.close();
  });

  test(name('where holds by track for gaps and notices, which do not say theirs'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    await subscribed(client, { channels: ['insights'], where: { track: 'cota' } });
    const before = client.got.length;  // of insights that it had not asked for yet
    const update = await eventually(async () => {
      await server.ingest(['cota', 'spa'].map((track) => point('twin', { track, accx_can: 30 })));
      return client.got.slice(before).find((m) => m.type === 'insight_update');
    });
    assert.deepEqual(update.data.map((d) => d.track), ['cota']);
    assert.equal(update.gaps.length, 1);
    assert.equal(new Set(update.insights.map((i) => i.type + i.message)).size, update.insights.length, 'each notice once');
    client.close();
  });

  test(name('standings are the order of the cars of a track'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    const other = await open();
    const track = name('oval');
    await subscribed(client, { channels: ['standings'], where: { track } });
    await subscribed(other, { channels: ['standings'], where: { track: `not ${track}` } });
    const begin = Date.now() - 1000;
    const at = (ms, chassis, lap, lapdist_m) =>
      point(chassis, { track, meta_time: begin + ms, lap, lapdist_m, speed_kmh: 90, session: 'final' });
    await server.ingest([
      at(0, 'second', 2, 140), at(0, 'first', 2, 250), at(40, 'first', 3, 10), at(80, 'second', 2, 170),
      point('nowhere', { track, lap: 5, lapdist_m: undefined }),
    ]);
    // The points may come in two turns.
    const update = await client.next((m) => m.type === 'standings_update' && m.cars.some((car) => car.lapdist_m === 170));
    assert.deepEqual(Object.keys(update), ['type', 'track', 'session', 'part', 'time', 'best_sectors_s', 'cars']);
    assert.deepEqual([update.track, update.part], [track, 'final']);
    assert.match(update.time, ISO);
    assert.deepEqual(update.cars.map((car) => [car.position, car.chassis, car.lap, car.lapdist_m]),
      [[1, 'first', 3, 10], [2, 'second', 2, 170]]);
    assert.deepEqual(Object.keys(update.cars[1]), [
      'position', 'chassis', 'lap', 'lapdist_m', 'gap_leader_s', 'gap_ahead_s', 'laps_behind', 'last_lap_s', 'best_lap_s', 'sector',
      'sectors_s', 'best_sectors_s', 'x_m', 'y_m', 'compound', 'tyre_age_laps', 'pit', 'silent_s', 'loss',
    ]);
    const ask = (query) => fetch(`http://127.0.0.1:${server.port}/api/standings?${query}`);
    const asked = async (query) => (await ask(query)).json();
    const { standings: [only, ...others] } = await asked(`track=${encodeURIComponent(track)}`);
    assert.deepEqual([only.cars.map((car) => car.chassis), others], [['first', 'second'], []]);
    assert.ok((await asked('session=final')).standings.every((s) => s.part === 'final'));
    // The session's id is told once the store knows it.
    const sessions = async () => (await (await fetch(`http://127.0.0.1:${server.port}/api/sessions?track=${encodeURIComponent(track)}`)).json()).sessions;
    let told;
    for (let now = begin + 2000; !told?.session; now += 100) {
      await server.ingest([point('first', { track, meta_time: now, lap: 3, lapdist_m: 20, speed_kmh: 90, session: 'final' })]);
      told = await client.next((m) => m.type === 'standings_update');
    }
    assert.deepEqual((await sessions()).find((session) => session.id === told.session).parts, ['final']);
    assert.equal((await asked(`session=${told.session}`)).standings.length, 1);
    assert.deepEqual(await asked('track=nowhere'), { standings: [] });
    assert.deepEqual(other.got.filter((m) => m.type === 'standings_update'), []);
    client.close();
    other.close();
  });

  test(name('system says in numbers what health says'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    await subscribed(client, { channels: ['system'] });
    const updates = [];
    while (updates.length < 3) updates.push((await client.next('system_update')).data);
    const [first, , third] = updates;
    assert.ok(Date.parse(third.now) - Date.parse(first.now) > 1000, 'once a second');
    assert.ok(third.uptimeSeconds >= first.uptimeSeconds);
    const health = await server.health();
    assert.equal(first.ok, true);
    assert.match(first.now, ISO);
    const missing = [];
    const compare = (said, sent, path) => {
      const isNumber = typeof said === 'number' || /^\d+\.\d\d$/.test(said);
      if (isNumber && typeof sent !== 'number') missing.push(path);
      if (typeof said !== 'object' || said === null) return;
      for (const [key, value] of Object.entries(said)) compare(value, sent?.[key], `${path}.${key}`);
    };
    compare(health, third, 'data');
    assert.deepEqual(missing, []);
    assert.equal(third.metrics.wsClients, 1);
    assert.deepEqual(third.backpressure, health.backpressure);
    assert.deepEqual(third.windows.map((w) => [w.window, w.stored]), health.windows.map((w) => [w.window, w.stored]));
    client.close();
  });

  test(name('an ack says what was taken and what was not, and names ten errors at most'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    await subscribed(client, { channels: [] });
    const points = [point('ack'), ...Array(12).fill({ chassis: 'nowhere' }), 'no object'];
    const { errors, ...ack } = await client.ask({ type: 'publish', id: 1.5, points }, 'ack');
    assert.deepEqual(ack, { type: 'ack', id: 1.5, ok: true, accepted: 1, rejected: 13 });
    const ten = Array.from({ length: 10 }, (_, i) => [i + 1, 'missing_dimension']);
    assert.deepEqual(errors.map(({ index, reason }) => [index, reason]), ten);
    assert.ok(errors.every((e) => e.message.length > 0));
    const none = await client.ask({ type: 'publish', id: 'ü"', points: [{}] }, 'ack');
    assert.deepEqual([none.id, none.ok, none.accepted, none.rejected], ['ü"', false, 0, 1]);
    client.close();
  });

  test(name('publishes are read and answered however many come at once'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    await subscribed(client, { channels: [] });
    const ids = Array.from({ length: 200 }, (_, id) => id);
    for (const id of ids) client.say({ type: 'publish', id, points: [point('many', { id, note: noise(9_000) })] });
    const acks = [];
    while (acks.length < ids.length) acks.push(await client.next('ack'));
    assert.deepEqual(acks.map((a) => a.id).sort((a, b) => a - b), ids);
    assert.ok(acks.every((a) => a.accepted === 1));
    client.close();
  });
}

test('a conflating client is told that machines were forgotten, where there are more than 20,000', { timeout: TEST_LIMIT_MS }, async () => {
  const server = await startServer({ MAX_WS_BUFFER: '4000000', BATCH_MS: '3600000' });
  try {
    const client = await Client.open(server.url, { perMessageDeflate: false });
    await client.ask({ type: 'subscribe', channels: ['telemetry'], policy: 'conflate', fields: ['n'] }, 'subscribed');
    client.ws.pause();
    const skipped = () => server.metric('slipstream_ws_messages_skipped_total{policy="conflate"}');
    const wide = Array.from({ length: 1_000 }, (_, i) => point('x'.repeat(100) + i, { n: 0 }));
    let sent = 0;
    for (; (await skipped()) === 0; sent += wide.length) await server.ingest(wide);
    for (let n = 0; n < 21_000; n += 7_000, sent += 7_000) {
      await server.ingest(Array.from({ length: 7_000 }, (_, i) => ({ track: 't', chassis: `${n + i}`, n })));
    }
    await eventually(async () => (await server.health()).metrics.messagesBroadcast === sent);
    client.ws.resume();
    assert.deepEqual(await client.next('gap'), { type: 'gap', missed: 1 });
    const newest = await client.next((m) => m.type === 'telemetry_update' && m.data.length > 15_000, 'with all machines');
    assert.ok(newest.data.length <= 20_000);
    client.close();
  } finally {
    await server.stop();
  }
});
