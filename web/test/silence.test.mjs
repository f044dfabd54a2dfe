// The server pings, and drops who stays silent. It takes the minute that it takes.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Client, TEST_LIMIT_MS, noise, point } from './client.mjs';
import { startServer } from './server.mjs';

describe('silence', { concurrency: true }, () => {
  test('pings come every 20 s, and who is silent for 60 s is dropped, alone', { timeout: TEST_LIMIT_MS }, async () => {
    const server = await startServer();
    try {
      const began = Date.now();
      const passed = () => (Date.now() - began) / 1_000;
      const silent = await Client.open(server.url, { autoPong: false });
      const polite = await Client.open(server.url);
      const talking = await Client.open(server.url, { autoPong: false });
      const pings = [];
      silent.ws.on('ping', () => pings.push(passed()));
      const talk = setInterval(() => talking.say({ type: 'ping' }), 5_000);
      assert.deepEqual(await silent.closed, [1006, '']);
      clearInterval(talk);
      assert.ok(passed() >= 60 && passed() < 80, `dropped after ${passed()} s`);
      assert.equal(pings.length, 2);
      for (const [i, at] of pings.entries()) assert.ok(at >= 20 * (i + 1) && at < 20 * (i + 1) + 10, `ping after ${at} s`);
      for (const client of [polite, talking]) {
        client.got.length = 0;
        assert.deepEqual(await client.ask({ type: 'ping', id: 'here' }, (m) => m.id === 'here'), { type: 'pong', id: 'here' });
        client.close();
      }
    } finally {
      await server.stop();
    }
  });

  test('who reads slowly, and all the time, is pinged and stays', { timeout: TEST_LIMIT_MS }, async () => {
    const server = await startServer({ MAX_WS_BUFFER: '200000' });
    try {
      const client = await Client.open(server.url, { perMessageDeflate: false });
      const began = Date.now();
      let droppedAfter = null;
      client.closed.then(() => (droppedAfter = Date.now() - began));
      let pings = 0;
      client.ws.on('ping', () => ++pings);
      await client.ask({ type: 'subscribe', channels: ['telemetry'] }, 'subscribed');
      client.ws.pause();
      const reading = setInterval(() => (client.ws.resume(), setImmediate(() => client.ws.pause())), 1_000);
      // Longer than a silent one would be left, and until both pings have come through what waits before them.
      const goesOn = (passed) => passed < 70_000 || (pings < 2 && passed < 110_000);
      while (droppedAfter === null && goesOn(Date.now() - began)) {
        await server.ingest(Array.from({ length: 5 }, () => point('a', { note: noise() }))); // more than is read
        client.got.length = 0;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      clearInterval(reading);
      assert.equal(droppedAfter, null);
      assert.ok(pings >= 2, `${pings} pings`);
      client.close();
    } finally {
      await server.stop();
    }
  });
});
