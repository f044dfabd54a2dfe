// No rollup is lost and none comes twice, however a client is cut off, with ws from npm.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client, TEST_LIMIT_MS, WAYS, eventually, point } from './client.mjs';
import { WITHOUT_IDLENESS, startServer } from './server.mjs';

const SUBSCRIBE = { type: 'subscribe', channels: ['rollups'] };
const resume = (after, more = {}) => ({ type: 'resume', channel: 'rollups', after, ...more });

/** The same numbers from 0 to 1 for the same seed. */
function randomOf(seed) {
  return () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

/** Cars that change sectors all the time. Each point ends a window: no more of them than a slow machine stores as they come. */
function drive(server) {
  let stopping = false;
  const done = (async () => {
    for (let step = 0; !stopping; ++step) {
      const place = { lap: Math.floor(step / 3), lapdist_m: (step % 3) * 1_700 + 10 };
      await server.ingest(Array.from({ length: 20 }, (_, car) => point(`car ${car}`, place)));
      await eventually(async () => stopping || (await server.health()).store.waiting < 5);
    }
  })();
  return () => ((stopping = true), done);
}

/**
 * Takes rollups down, and counts the messages that they came in. With an id: behind the answer to that, since on a busy machine a
 * subscription and the resumption may be heard so far apart that rollups come in between, which are no place to resume from.
 */
function listen(client, notes, id = null) {
  let isAnswered = id === null;
  client.ws.on('message', (data) => {
    const message = JSON.parse(data);
    if (message.type === 'error' || message.type === 'gap') notes.faults.push(message);
    isAnswered ||= message.id === id;
    if (message.type !== 'rollup_update' || !isAnswered) return;
    notes.ids.push(...message.data.map((r) => r.window_id));
    notes.cursor = message.cursor;
    ++notes.messages;
    notes.heard?.();
  });
}

/** Cuts the connection in the middle of what comes: after some messages, or some time. */
async function cut(client, notes, random) {
  const enough = notes.messages + Math.floor(random() * 4);
  if (random() < 0.5) {
    await new Promise((resolve) => setTimeout(resolve, random() * 40));
  } else {
    await new Promise((resolve) => {
      notes.heard = () => notes.messages >= enough && resolve();
      notes.heard();
    });
  }
  client.ws.removeAllListeners('message'); // what is still within ws was not dealt with
  client.close();
}

test('a client cut off a hundred times under load ends with every rollup once, in order', { timeout: TEST_LIMIT_MS }, async () => {
  const server = await startServer();
  const stop = drive(server);
  try {
    const all = { ids: [], messages: 0, faults: [] };
    const witness = await Client.open(server.url);
    listen(witness, all);
    await witness.ask(resume('0'), 'subscribed');
    const notes = { ids: [], messages: 0, faults: [], cursor: '0' };
    const random = randomOf(5);
    for (let life = 0; life < 100; ++life) {
      const client = await Client.open(server.url, WAYS[life % 2].options);
      listen(client, notes, life);
      // Sometimes as a client does that first says what it wants.
      if (random() < 0.5) client.say(SUBSCRIBE);
      client.say(resume(notes.cursor, { id: life }));
      await cut(client, notes, random);
    }
    await stop();
    // Seconds close as event time goes on, which it no longer does: what is stored is all there is.
    await eventually(async () => {
      const { written, waiting } = (await server.health()).store;
      return waiting === 0 && written === all.ids.length;
    });
    const last = await Client.open(server.url);
    listen(last, notes);
    last.say(resume(notes.cursor));
    await eventually(() => notes.ids.length >= all.ids.length);
    assert.deepEqual(notes.ids, all.ids);
    assert.equal(new Set(all.ids).size, all.ids.length);
    assert.ok(all.ids.length > 1_000, `only ${all.ids.length} rollups`);
    assert.ok(notes.messages > 50, `only ${notes.messages} messages`);
    assert.deepEqual([...notes.faults, ...all.faults], []);
    for (const client of [witness, last]) client.close();
  } finally {
    await stop().finally(() => server.stop());
  }
});

test('a cursor outlives restarts, and what retention took is told', { timeout: TEST_LIMIT_MS }, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'slipstream-resume-'));
  let server = await startServer({ DATA_DIR: dataDir }, WITHOUT_IDLENESS);
  const again = async (environment) => {
    await server.stop();
    server = await startServer({ DATA_DIR: dataDir, ...environment }, WITHOUT_IDLENESS);
  };
  try {
    let client = await Client.open(server.url);
    assert.equal((await client.ask(SUBSCRIBE, 'subscribed')).cursor, '0');
    const cursors = [];
    const live = [];
    for (const lap of [1, 2, 3, 4, 5, 6]) {
      await server.ingest(point('a', { lap, meta_time: 1_700_000_000 })); // of one second, so that only laps end
      if (lap === 1) continue;
      const update = await client.next('rollup_update');
      live.push(...update.data);
      cursors.push(update.cursor);
    }
    assert.deepEqual(live.map((r) => r.lap), [1, 2, 3, 4, 5]);

    await again({});
    client = await Client.open(server.url);
    const collect = async (count) => {
      const seen = [];
      while (seen.length < count) seen.push(...(await client.next('rollup_update')).data);
      return seen;
    };
    const answer = await client.ask(resume(cursors[0], { id: 'first' }), 'subscribed');
    assert.deepEqual([answer.id, answer.cursor, answer.channels.includes('rollups')], ['first', cursors[0], true]);
    const missed = await collect(6); // with the lap and the second that the stop ended
    assert.deepEqual(missed.slice(0, 4), live.slice(1));
    await client.ask(resume(cursors[3]), 'subscribed'); // back again
    assert.deepEqual(await collect(3), missed.slice(3));
    await client.ask(resume('0'), 'subscribed');
    assert.deepEqual(await collect(7), [live[0], ...missed]);
    assert.deepEqual(client.got.filter((m) => m.type === 'rollup_update' || m.type === 'gap'), []);

    await again({ RETENTION_ROLLUPS: '2' });
    await eventually(async () => (await (await fetch(`http://127.0.0.1:${server.port}/api/rollups`)).json()).rollups.length === 2);
    client = await Client.open(server.url);
    client.say(resume(cursors[0]));
    assert.deepEqual(await client.next((m) => m.type === 'gap'), { type: 'gap', channel: 'rollups', missed: 4 });
    assert.deepEqual(client.got.map((m) => m.type), ['subscribed'], 'before what is left');
    assert.deepEqual(await collect(2), missed.slice(4));
    client.close();
  } finally {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
});

test('a subscription in the place of another holds for rollups that were held back, too', { timeout: TEST_LIMIT_MS }, async () => {
  const server = await startServer();
  try {
    const client = await Client.open(server.url);
    const heard = [];
    client.ws.on('message', (data) => heard.push(JSON.parse(data)));
    const written = async () => (await server.health()).store.written;
    for (let lap = 1; lap < 10; ++lap) {
      await client.ask({ ...SUBSCRIBE, channels: [] }, 'subscribed');
      const before = await written();
      client.say({ ...SUBSCRIBE, id: `all ${lap}` });
      await server.ingest(['a', 'b'].map((chassis) => point(chassis, { lap })));
      if (lap > 1) await eventually(async () => (await written()) > before);
      client.say({ ...SUBSCRIBE, where: { chassis: 'b' }, id: `b ${lap}` });
      await client.next((m) => m.id === `b ${lap}`);
      await server.ingest(['a', 'b'].map((chassis) => point(chassis, { lap, lapdist_m: 2_000 })));
      await eventually(() => heard.some((m) => m.data?.some((r) => r.chassis === 'b' && r.lap === lap && r.window === 'sector')));
      const later = heard.slice(heard.findIndex((m) => m.id === `b ${lap}`)).flatMap((m) => m.data ?? []);
      assert.deepEqual(later.filter((r) => r.chassis !== 'b').map((r) => [r.chassis, r.lap]), [], `lap ${lap}`);
    }
    client.close();
  } finally {
    await server.stop();
  }
});
