// Frames and closes of RFC 6455 with ws from npm: what is taken, and with which code the rest is closed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Client, TEST_LIMIT_MS, WAYS, eventually, noise, point } from './client.mjs';
import { startServer } from './server.mjs';

const PING = '{"type":"ping"}';
const MIB = 1 << 20;

for (const { deflated, say: name, options } of WAYS) {
  let server;
  before(async () => (server = await startServer({ MAX_WS_BUFFER: '100000', WS_ONCE_BUFFER: '200000' })));
  after(() => server.stop());
  const open = () => Client.open(server.url, options);
  const fragments = (client, parts, binary = false) =>
    parts.forEach((part, i) => client.ws.send(part, { binary, fin: i === parts.length - 1 }));
  const isPong = (m) => m.type === 'pong';

  test(name('a message may come in fragments, with pings between'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    const text = Buffer.from(JSON.stringify({ type: 'ping', id: 'bürö' }));
    const inCharacter = text.indexOf('ü') + 1;
    const pong = once(client.ws, 'pong');
    client.ws.send(text.subarray(0, 3), { binary: false, fin: false });
    client.ws.ping('between');
    client.ws.send(text.subarray(3, inCharacter), { binary: false, fin: false });
    client.ws.pong('unasked');
    client.ws.send('', { binary: false, fin: false });
    client.ws.send(text.subarray(inCharacter), { binary: false, fin: true });
    assert.deepEqual(await client.next(isPong), { type: 'pong', id: 'bürö' });
    assert.equal(String((await pong)[0]), 'between');
    client.close();
  });

  test(name('a message of one mebibyte is taken, whole or in fragments'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    const text = PING.padEnd(MIB);
    client.say(text);
    await client.next(isPong);
    fragments(client, [text.slice(0, 700_000), text.slice(700_000)]);
    await client.next(isPong);
    client.close();
  });

  const closes = {
    'not masked': [1002, (client) => client.ws.send(PING, { mask: false })],
    'no UTF-8': [1007, (client) => client.ws.send(Buffer.from('{"type":"ping\xff"}', 'latin1'), { binary: false })],
    'half a character': [1007, (client) => fragments(client, [Buffer.from('"'), Buffer.from('ü').subarray(0, 1)])],
    binary: [1003, (client) => client.ws.send(Buffer.from(PING))],
    'binary in fragments': [1003, (client) => fragments(client, [Buffer.from(PING), Buffer.from(' ')], true)],
    'over a mebibyte': [1009, (client) => client.say(PING.padEnd(MIB + 1))],
    'over a mebibyte in fragments': [1009, (client) => fragments(client, [PING.padEnd(MIB), ' '])],
    '64 mebibytes': [1009, (client) => client.say(' '.repeat(64 * MIB))],
    'a flood of pings': [1008, (client) => Array.from({ length: 1000 }, () => client.ws.ping('flood'))],
    'a goodbye': [1000, (client) => client.ws.close(1000, 'bye')],
    'a goodbye without a code': [1000, (client) => client.ws.close()],
    'a goodbye with a code of its own': [4321, (client) => client.ws.close(4321, 'ü'.repeat(60))],
  };
  for (const [what, [code, act]] of Object.entries(closes)) {
    test(name(`closed with ${code}: ${what}`), { timeout: TEST_LIMIT_MS }, async () => {
      const client = await open();
      await client.ask(PING, 'pong');
      act(client);
      assert.equal((await client.closed)[0], code);
      const other = await open();
      await other.ask(PING, 'pong'); // the others are served
      other.close();
    });
  }

  test(name('as many pings as are allowed do no harm'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    const last = new Promise((resolve) => client.ws.on('pong', (data) => String(data) === '199' && resolve()));
    for (let n = 0; n < 200; ++n) client.ws.ping(`${n}`);
    await last; // of many at once the newest is answered
    await client.ask(PING, 'pong');
    client.close();
  });

  test(name('closed with 1013: behind with samples, by its own wish'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    await client.ask({ type: 'subscribe', channels: ['telemetry'], policy: 'disconnect' }, 'subscribed');
    client.ws.pause();
    const skipped = () => server.metric('slipstream_ws_messages_skipped_total{policy="disconnect"}');
    const before = await skipped();
    while ((await skipped()) === before) await server.ingest(Array.from({ length: 4 }, () => point('a', { note: noise() })));
    client.ws.resume();
    assert.deepEqual(await client.closed, [1013, 'too slow: its buffer is full']);
  });

  test(name('closed with 1013: behind with what happens once'), { timeout: TEST_LIMIT_MS }, async () => {
    const client = await open();
    // Its answers say all of that again.
    const chassis = Array.from({ length: 256 }, () => noise(90));
    client.ws.pause();
    const tooFarBehind = async () => (await server.health()).backpressure.clientsTooFarBehind;
    const before = await tooFarBehind();
    await eventually(async () => {
      for (let i = 0; i < 20; ++i) client.say({ type: 'subscribe', where: { chassis } });
      return (await tooFarBehind()) > before;
    });
    client.ws.resume();
    assert.deepEqual(await client.closed, [1013, 'too far behind: resume from the last cursor']);
    assert.ok(client.got.every((m) => m.type !== 'error'), 'none of its wishes was refused');
  });

  test(name('closed with 1001: the server stops'), { timeout: TEST_LIMIT_MS }, async () => {
    const own = await startServer();
    const client = await Client.open(own.url, options);
    assert.equal(client.ws.extensions, deflated ? 'permessage-deflate' : '');
    await client.ask({ type: 'subscribe', channels: ['rollups'] }, 'subscribed');
    await own.ingest(point('a'));
    await own.stop();
    assert.deepEqual(await client.closed, [1001, 'the server is stopping']);
    assert.deepEqual((await client.next('rollup_update')).data[0].chassis, 'a', 'what was open was sent before');
  });
}
