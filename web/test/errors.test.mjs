// Every reason for which the server refuses what a client says, with ws from npm.
import assert from 'node:assert/strict';
import { mkdtemp, open as openFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client, TEST_LIMIT_MS, WAYS, eventually, point } from './client.mjs';
import { WITHOUT_IDLENESS, startServer } from './server.mjs';

const many = (count) => Array.from({ length: count }, (_, i) => `${i}`);
const subscribe = (more) => ({ type: 'subscribe', ...more });
const resume = (more) => ({ type: 'resume', channel: 'rollups', ...more });
const publish = (more) => ({ type: 'publish', ...more });

/** What cannot be understood has no id to repeat. */
const WITHOUT_ID = {
  malformed_json: ['', '{', '{}}', '{"type":"ping"', '{"type":"ping",}', 'ping'],
  not_an_object: ['[]', '1', 'null', '"ping"'],
  bad_id: [{}, [], true, 'i'.repeat(256)].map((id) => JSON.stringify({ type: 'ping', id })),
};

const WITH_ID = {
  unknown_type: [{}, { type: 5 }, { type: null }, { type: 'dance' }],
  bad_channels: [7, {}, [7], [null], '', ['c'.repeat(129)]].map((channels) => subscribe({ channels })),
  unknown_channel: [
    subscribe({ channels: 'weather' }),
    subscribe({ channels: ['telemetry', 'weather'] }),
    resume({ channel: 'telemetry', after: '0' }),
    resume({ channel: 1, after: '0' }),
  ],
  bad_where: [1, ['cota'], { lap: 1 }, { track: [] }, { track: '' }, { chassis: [1] }, { chassis: 'c'.repeat(129) }].map((where) =>
    subscribe({ where }),
  ),
  bad_fields: [[], {}, 1, [1], ['f'.repeat(129)]].map((fields) => subscribe({ fields })),
  bad_max_hz: [0, -1, 0.0099, 1000.1, '20', [20]].map((max_hz) => subscribe({ max_hz })),
  bad_policy: ['wait', '', 1, ['skip']].map((policy) => subscribe({ policy })),
  bad_windows: ['minute', ['sector', 'minute'], [1], 7].map((windows) => subscribe({ windows })),
  too_many_values: [
    subscribe({ channels: many(17) }),
    subscribe({ where: { chassis: many(257) } }),
    subscribe({ where: { chassis: many(200), track: many(57) } }),
    subscribe({ fields: many(65) }),
    subscribe({ windows: many(65) }),
  ],
  bad_cursor: [{}, { after: 12 }, { after: 'then' }, { after: '-1.1' }, { after: '1.x' }, { after: '999999.1' }].map(resume),
  bad_points: [{}, { points: null }, { points: {} }, { points: 'none' }].map(publish),
};

for (const { say: name, options } of WAYS) {
  let server;
  before(async () => (server = await startServer()));
  after(() => server.stop());

  test(name('each error says why, with the id, and changes nothing'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await Client.open(server.url, options);
    await client.ask(subscribe({ channels: ['telemetry'], where: { chassis: 'kept' } }), 'subscribed');
    for (const [reason, messages] of Object.entries(WITHOUT_ID)) {
      for (const text of messages) {
        const { message, ...error } = await client.ask(text, 'error');
        assert.deepEqual(error, { type: 'error', reason }, text);
        assert.ok(message.length > 0);
      }
    }
    let id = 0;
    for (const [reason, messages] of Object.entries(WITH_ID)) {
      for (const said of messages) {
        id = typeof id === 'number' ? `"${id + 1}" ü` : parseInt(id.slice(1)) + 1; // now a string, now a number
        const { message, ...error } = await client.ask({ ...said, id }, 'error');
        assert.deepEqual(error, { type: 'error', reason, id }, JSON.stringify(said).slice(0, 100));
        assert.ok(message.length > 0);
      }
    }
    await server.ingest([point('other'), point('kept')]);
    assert.deepEqual((await client.next('telemetry_update')).data.map((p) => p.chassis), ['kept']);
    assert.deepEqual(client.got, [], 'and nothing else was said');
    client.close();
  });

  test(name('what is just within the limits is taken'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await Client.open(server.url, options);
    const messages = [
      subscribe({ channels: ['telemetry', 'insights', 'rollups', 'system', ...Array(12).fill('system')] }),
      subscribe({ where: { chassis: many(200), track: many(56) } }),
      subscribe({ where: { chassis: 'c'.repeat(128) } }),
      subscribe({ fields: many(64) }),
      subscribe({ windows: Array(64).fill('bucket') }),
      subscribe({ max_hz: 0.01 }),
      subscribe({ max_hz: 1000 }),
    ];
    const id = 'i'.repeat(255);
    for (const message of messages) {
      assert.equal((await client.ask({ ...message, id }, (m) => m.id === id)).type, 'subscribed');
    }
    client.close();
  });

  test(name('beyond 256 different filters one is refused, until another goes'), { timeout: TEST_LIMIT_MS }, async () => {
    const wish = (n) => subscribe({ channels: ['telemetry'], where: { chassis: `filter ${n}` }, id: n });
    const isAnswer = (m) => m.type === 'subscribed' || m.type === 'error';
    const clients = [];
    for (let n = 0; n < 256; ++n) {
      clients.push(await Client.open(server.url, options));
      assert.equal((await clients[n].ask(wish(n), isAnswer)).type, 'subscribed', `filter ${n}`);
    }
    const late = await Client.open(server.url, options);
    const { message, ...error } = await late.ask(wish(256), isAnswer);
    assert.deepEqual(error, { type: 'error', reason: 'too_many_filters', id: 256 });
    assert.match(message, /256/);
    await server.ingest(point('anyone'));
    await late.next('telemetry_update'); // it has what it had
    assert.equal((await late.ask(wish(9), isAnswer)).type, 'subscribed', 'a filter that is in use');
    const other = await Client.open(server.url, options);
    clients[3].close();
    await eventually(async () => (await other.ask(wish(256), isAnswer)).type === 'subscribed');
    for (const client of [...clients, late, other]) client.close();
  });
}

/** With a server of its own. */
function alone(name, environment, run) {
  for (const { say, options } of WAYS) {
    test(say(name), { timeout: TEST_LIMIT_MS }, async () => {
      const server = await startServer(environment);
      try {
        const client = await Client.open(server.url, options);
        await client.ask(subscribe({ channels: [] }), 'subscribed');
        await run(client, server, options);
        assert.deepEqual(await client.ask({ type: 'ping', id: 'still here' }, 'pong'), { type: 'pong', id: 'still here' });
        client.close();
      } finally {
        await server.stop();
      }
    });
  }
}

const isOutcome = (m) => m.type === 'ack' || m.type === 'error';
const refused = async (client, said, reason) => {
  const { message, ...error } = await client.ask(said, isOutcome);
  assert.deepEqual(error, { type: 'error', reason, id: said.id ?? null });
  assert.ok(message.length > 0);
};

alone('a publish over the rate is rate_limited', { HTTP_POINTS_PER_SECOND: '1' }, async (client) => {
  const first = await client.ask(publish({ id: 1, points: Array(1000).fill(point('a')) }), isOutcome);
  assert.deepEqual([first.type, first.accepted], ['ack', 1000]);
  await refused(client, publish({ id: 2, points: [point('a')] }), 'rate_limited');
  await refused(client, publish({ id: 'three', points: [point('a')] }), 'rate_limited');
  await refused(client, publish({ points: [point('a')] }), 'rate_limited');
});

const TOKENS = { API_TOKEN_READ: 'read-token-of-the-pit-wall', API_TOKEN_ADMIN: 'admin-token-of-the-chief' };

alone('a publish without the right to write is unauthorized', { API_TOKEN_WRITE: 'write-token-of-a-car' }, async (client) => {
  await refused(client, publish({ id: 1, points: [point('a')] }), 'unauthorized');
  await refused(client, publish({ points: [] }), 'unauthorized');
});

test('a publish is judged by the token that opened the connection', { timeout: TEST_LIMIT_MS }, async () => {
  const server = await startServer(TOKENS);
  try {
    const open = (token) => Client.open(server.url, { headers: { Authorization: `Bearer ${token}` } });
    const reader = await open(TOKENS.API_TOKEN_READ);
    await refused(reader, publish({ id: 'r', points: [point('a')] }), 'unauthorized');
    const chief = await open(TOKENS.API_TOKEN_ADMIN);
    const ack = await chief.ask(publish({ id: 'c', points: [point('a')] }), isOutcome);
    assert.deepEqual([ack.type, ack.id, ack.accepted], ['ack', 'c', 1]);
    const seen = await reader.next('telemetry_update');
    assert.deepEqual(seen.data.map((p) => p.chassis), ['a']);
    for (const client of [reader, chief]) client.close();
  } finally {
    await server.stop();
  }
});

// The fault is in the programs that tests are run with.
alone('while the log cannot be written publishes are unavailable', { SLIPSTREAM_FAULT: 'fsync:/log/*1+40' }, async (client) => {
  let id = 0;
  const next = () => client.ask(publish({ id: ++id, points: [point('a')] }), isOutcome);
  const { message, ...error } = await eventually(async () => {
    const outcome = await next();
    return outcome.type === 'error' && outcome;
  });
  assert.deepEqual(error, { type: 'error', reason: 'unavailable', id });
  assert.match(message, /log cannot be written/);
  const ack = await eventually(async () => {
    const outcome = await next();
    if (outcome.type === 'error') assert.equal(outcome.reason, 'unavailable');
    return outcome.type === 'ack' && outcome;
  });
  assert.deepEqual([ack.id, ack.accepted], [id, 1]);
});

alone(
  'when too much waits for the log publishes are overloaded',
  { SLIPSTREAM_FAULT: 'fsync:/log/*1000000+9', DURABILITY: 'received', MAX_BACKLOG_BYTES: '1048576' },
  async (client) => {
    const points = Array.from({ length: 10 }, (_, i) => point(`car ${i}`, { note: 'n'.repeat(50_000) }));
    let id = 0;
    const { message, ...error } = await eventually(async () => {
      const outcome = await client.ask(publish({ id: ++id, points }), isOutcome);
      if (outcome.type === 'ack') assert.equal(outcome.accepted, 10);
      return outcome.type === 'error' && outcome;
    });
    assert.deepEqual(error, { type: 'error', reason: 'overloaded', id });
    assert.match(message, /nothing was taken/);
  },
);

for (const { say, options } of WAYS) {
  test(say('rollups that cannot be read are unavailable'), { timeout: TEST_LIMIT_MS }, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'slipstream-damaged-'));
    const server = await startServer({ DATA_DIR: dataDir }, WITHOUT_IDLENESS);
    try {
      const client = await Client.open(server.url, options);
      await client.ask(subscribe({ channels: ['rollups'] }), 'subscribed');
      for (const lap of [1, 2]) await server.ingest(point('a', { lap }));
      await client.next('rollup_update');
      for (const file of ['slipstream.db', 'slipstream.db-wal']) {
        const handle = await openFile(join(dataDir, file), 'r+');
        await handle.write(Buffer.alloc((await handle.stat()).size), 0);
        await handle.close();
      }
      const error = await client.ask(resume({ after: '0', id: 1 }), 'error');
      assert.equal(error.reason, 'unavailable');
      assert.match(error.message, /resume later/);
      assert.deepEqual(await client.ask({ type: 'ping' }, 'pong'), { type: 'pong' });
      client.close();
    } finally {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });
}

test('a cursor of another store is a bad_cursor, whether its row is there or not', { timeout: TEST_LIMIT_MS }, async () => {
  const servers = [await startServer({}, WITHOUT_IDLENESS), await startServer({}, WITHOUT_IDLENESS)];
  try {
    const cursors = [];
    for (const [i, server] of servers.entries()) {
      const client = await Client.open(server.url);
      await client.ask(subscribe({ channels: ['rollups'] }), 'subscribed');
      // Of one instant, so that no second ends.
      await server.ingest([1, 2].map((lap) => point(`of ${i}`, { lap, meta_time: 1_700_000_000 })));
      cursors.push((await client.next('rollup_update')).cursor);
      client.close();
    }
    assert.equal(cursors[0].split('.')[0], cursors[1].split('.')[0], 'rows are counted from 1 in each');
    assert.notEqual(cursors[0], cursors[1]);
    const stranger = await Client.open(servers[1].url);
    for (const lap of [3, 4]) await servers[1].ingest(point('of 1', { lap })); // so that its row is not the newest
    const { message, ...refused } = await stranger.ask(resume({ after: cursors[0], id: 'r' }), (m) => m.id === 'r');
    assert.deepEqual(refused, { type: 'error', reason: 'bad_cursor', id: 'r' });
    assert.match(message, /another store/);
    const own = await stranger.ask(resume({ after: cursors[1], id: 'own' }), (m) => m.id === 'own');
    assert.deepEqual([own.type, own.cursor], ['subscribed', cursors[1]]);
    stranger.close();
  } finally {
    for (const server of servers) await server.stop();
  }
});

test('a number that is none costs its point alone, as by HTTP', { timeout: TEST_LIMIT_MS }, async () => {
  const server = await startServer();
  try {
    const points = '[{"track":"cota","chassis":"a","x":1e400},{"track":"cota","chassis":"a","serial":123456789012345678901234}]';
    const headers = { 'Content-Type': 'application/json' };
    const http = await fetch(`http://127.0.0.1:${server.port}/api/ingest`, { method: 'POST', headers, body: points });
    const { accepted, rejected, errors } = await http.json();
    assert.deepEqual([accepted, rejected], [1, 1]);
    const client = await Client.open(server.url);
    const answer = await client.ask(`{"type":"publish","id":7,"points":${points}}`, (m) => m.id === 7);
    assert.deepEqual(answer, { type: 'ack', id: 7, ok: true, accepted, rejected, errors });
    client.close();
  } finally {
    await server.stop();
  }
});

test('a publish under a key that line protocol came under is taken by itself', { timeout: TEST_LIMIT_MS }, async () => {
  const server = await startServer();
  try {
    const client = await Client.open(server.url);
    const headers = { 'Idempotency-Key': 'both' };
    const written = await fetch(`http://127.0.0.1:${server.port}/write`, { method: 'POST', headers, body: 'cota,chassis=a rpm=1' });
    assert.equal(written.status, 204);
    const publish = { type: 'publish', id: 'both', points: [point('a')] };
    assert.equal((await client.ask(publish, (m) => m.id === 'both')).accepted, 1);
    client.close();
  } finally {
    await server.stop();
  }
});
