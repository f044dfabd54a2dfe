// Foxglove's own client on /foxglove.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import foxglove from '@foxglove/ws-protocol';
import { WebSocket } from 'ws';
import { LIMIT_MS, TEST_LIMIT_MS, point } from './client.mjs';
import { startServer } from './server.mjs';

const { FoxgloveClient } = foxglove;

/// A client that subscribes to all that is advertised, as Foxglove's panels do, and keeps what comes.
class Panels {
  constructor(port, query = '') {
    this.channels = new Map();
    this.topics = new Map();
    this.messages = [];
    this.statuses = [];
    this.ws = new WebSocket(`ws://127.0.0.1:${port}/foxglove${query}`, [FoxgloveClient.SUPPORTED_SUBPROTOCOL]);
    this.client = new FoxgloveClient({ ws: this.ws });
    this.client.on('serverInfo', (info) => (this.info = info));
    this.client.on('status', (status) => this.statuses.push(status));
    this.client.on('advertise', (channels) => {
      for (const channel of channels) {
        this.channels.set(channel.id, channel);
        this.topics.set(this.client.subscribe(channel.id), channel);
      }
    });
    this.client.on('unadvertise', (ids) => ids.forEach((id) => this.channels.delete(id)));
    this.client.on('message', ({ subscriptionId, timestamp, data }) => {
      const channel = this.topics.get(subscriptionId);
      this.messages.push({ topic: channel.topic, schema: JSON.parse(channel.schema), timestamp, told: JSON.parse(new TextDecoder().decode(data)) });
    });
    this.client.on('error', (error) => (this.error = error));
  }
  async until(condition) {
    for (const end = Date.now() + LIMIT_MS; Date.now() < end; ) {
      if (condition()) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.fail(`not in time; got ${JSON.stringify(this.messages.map((m) => m.told)).slice(0, 2000)} ${JSON.stringify(this.statuses)} ${this.error ?? ''}`);
  }
  /// Until what was said before has been heard, which the protocol has no answer for.
  async heard() {
    const before = this.statuses.length;
    this.ws.send('{"op":"subscribe","subscriptions":[{"id":4000000000,"channelId":4000000000}]}');
    await this.until(() => this.statuses.length > before);
    this.statuses.pop();
  }
  of(topic) {
    return this.messages.filter((m) => m.topic === topic);
  }
  close() {
    this.client.close();
  }
}

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

test('a machine is a channel, and each point comes once, at its time', { timeout: TEST_LIMIT_MS }, async () => {
  await server.ingest(point('before'));
  const panels = new Panels(server.port);
  await panels.until(() => panels.channels.size === 1);
  assert.equal(panels.info.name, 'Slipstream');
  assert.deepEqual([...panels.channels.values()].map((c) => c.topic), ['/cota/before'], 'it is silent, and known all the same');
  assert.equal(panels.messages.length, 0, 'what came before is not told again');
  // The first point of a machine makes its channel, which nobody could subscribe to before.
  await server.ingest(point('a', { n: 0 }));
  await panels.until(() => panels.channels.size === 2);
  await panels.heard();
  for (let n = 1; n <= 50; ++n) await server.ingest([point('a', { n, meta_time: 1757000000 + n / 10 }), point('before', { n })]);
  await panels.until(() => panels.of('/cota/a').length >= 50 && panels.of('/cota/before').length >= 50);
  const told = panels.of('/cota/a');
  assert.deepEqual(told.map((m) => m.told.n), [...Array(50).keys()].map((n) => n + 1));
  assert.equal(told[9].timestamp, 1757000001000000000n);
  assert.equal(told[0].schema.properties.speed_kmh.type, 'number');
  assert.equal(panels.of('/cota/before').length, 50);
  assert.deepEqual(panels.statuses, []);
  panels.close();
});

test('further members cost whoever is there nothing, and are told who comes', { timeout: TEST_LIMIT_MS }, async () => {
  const panels = new Panels(server.port);
  await panels.until(() => panels.channels.size >= 1);
  await server.ingest(point('grows'));
  const channel = (of) => [...of.channels.values()].filter((c) => c.topic === '/cota/grows');
  await panels.until(() => channel(panels).length === 1);
  await panels.heard();
  await server.ingest([point('grows', { boost: 1.5 }), point('grows', { boost: 2.5, driver: 'Ann' })]);
  await panels.until(() => panels.of('/cota/grows').length === 2);
  const later = new Panels(server.port);
  await later.until(() => channel(later).length === 1);
  const { properties } = JSON.parse(channel(later)[0].schema);
  assert.deepEqual([properties.boost, properties.driver], [{ type: 'number' }, { type: 'string' }]);
  panels.close();
  later.close();
});

test('marks have a channel of their own', { timeout: TEST_LIMIT_MS }, async () => {
  const panels = new Panels(server.port);
  await panels.until(() => panels.info);
  const note = (text) => server.ingest([{ type: 'mark', track: 'cota', text }]);
  await note('first');
  await panels.until(() => [...panels.channels.values()].some((c) => c.topic === '/marks'));
  await panels.heard();
  await note('second');
  await panels.until(() => panels.of('/marks').some((m) => m.told.text === 'second'));
  assert.equal(panels.of('/marks').filter((m) => m.told.text === 'second').length, 1);
  panels.close();
});

test('what is not understood is told, and harms nothing', { timeout: TEST_LIMIT_MS }, async () => {
  const panels = new Panels(server.port);
  await panels.until(() => panels.info);
  for (const message of ['{', '{"op":"advertise","channels":[]}', '{"op":"subscribe","subscriptions":[{"id":1}]}', '{"op":"subscribe","subscriptions":[{"id":77,"channelId":4000000000}]}']) {
    panels.ws.send(message);
  }
  await panels.until(() => panels.statuses.length === 4);
  assert.match(panels.statuses[3].message, /no channel 4000000000/);
  panels.close();
});

test('without the subprotocol there is no connection, and the answer says which', { timeout: TEST_LIMIT_MS }, async () => {
  const ws = new WebSocket(`ws://127.0.0.1:${server.port}/foxglove`);
  const response = await new Promise((resolve) => ws.once('unexpected-response', (_, answer) => resolve(answer)));
  assert.equal(response.statusCode, 400);
  ws.on('error', () => {});
  ws.terminate();
});

test('it needs the token that /ws/realtime needs', { timeout: TEST_LIMIT_MS }, async () => {
  const guarded = await startServer({ API_TOKEN_READ: 'reader-reader-reader' });
  const panels = new Panels(guarded.port, '?token=reader-reader-reader');
  await panels.until(() => panels.info);
  panels.close();
  const stranger = new Panels(guarded.port);
  const response = await new Promise((resolve) => stranger.ws.once('unexpected-response', (_, answer) => resolve(answer)));
  assert.equal(response.statusCode, 401);
  stranger.ws.terminate();
  await guarded.stop();
});

test('a restart is a new session with all channels again', { timeout: TEST_LIMIT_MS }, async () => {
  const first = new Panels(server.port);
  await first.until(() => first.info);
  const session = first.info.sessionId;
  await server.stop();
  server = await startServer();
  const second = new Panels(server.port);
  await second.until(() => second.info);
  assert.notEqual(second.info.sessionId, session);
  await server.ingest(point('again'));
  await second.until(() => second.channels.size === 1);
  await second.heard();
  await server.ingest(point('again', { n: 1 }));
  await second.until(() => second.of('/cota/again').length === 1);
  second.close();
});
