// Who gets in, with ws from npm: the right token, origin, certificate and number does, the wrong one is told why not.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { test } from 'node:test';
import { withCertificate } from './certificate.mjs';
import { Client, TEST_LIMIT_MS, eventually, point, refusal } from './client.mjs';
import { startServer } from './server.mjs';

const READ = 'read-token-of-the-pit-wall';
const WRITE = 'write-token-of-a-car';
const ADMIN = 'admin-token-of-the-chief';
const TOKENS = { API_TOKEN_READ: READ, API_TOKEN_WRITE: WRITE, API_TOKEN_ADMIN: ADMIN };

function serving(name, environment, run) {
  test(name, { timeout: TEST_LIMIT_MS }, async () => {
    const server = await startServer(environment);
    try {
      await run(server);
    } finally {
      await server.stop();
    }
  });
}

async function isLetIn(url, options) {
  const client = await Client.open(url, options);
  assert.deepEqual(await client.ask({ type: 'ping' }, 'pong'), { type: 'pong' });
  client.close();
}

serving('a WebSocket is opened with a token that may read', TOKENS, async ({ url, port }) => {
  const header = (token, scheme = 'Bearer') => ({ headers: { Authorization: `${scheme} ${token}` } });
  for (const token of [READ, ADMIN]) {
    await isLetIn(url, header(token));
    await isLetIn(url, header(token, 'Token'));
    await isLetIn(`${url}?token=${token}`);
  }
  const strangers = [[url], [url, header('nobody')], [url, header(READ, 'Basic')], [`${url}?token=nobody`], [`${url}?token=`]];
  for (const [address, options] of strangers) {
    const { status, headers } = await refusal(address, options);
    assert.equal(status, 401);
    assert.match(headers['www-authenticate'], /^Bearer/);
  }
  assert.equal((await refusal(url, header(WRITE))).status, 403);
  assert.equal((await refusal(`${url}?token=${WRITE}`)).status, 403);
  const elsewhere = await fetch(`http://127.0.0.1:${port}/api/series?token=${READ}`);
  assert.equal(elsewhere.status, 401, 'only a WebSocket may show its token in the address');
});

serving('tokens for senders alone leave WebSockets open', { API_TOKEN_WRITE: WRITE }, async ({ url }) => {
  await isLetIn(url);
  await isLetIn(`${url}?token=nobody`);
});

const LISTED = { ORIGINS: 'https://pits.example' };

serving('a WebSocket is opened by pages of the server and of listed origins', LISTED, async ({ url, port }) => {
  for (const origin of [undefined, `http://127.0.0.1:${port}`, 'https://pits.example']) await isLetIn(url, { origin });
  for (const origin of ['https://evil.example', 'http://127.0.0.1:1', 'https://pits.example:444', 'https://pits.example.evil', 'null']) {
    assert.equal((await refusal(url, { origin })).status, 403, origin);
  }
});

serving('with every origin listed every page may', { ORIGINS: '*' }, async ({ url }) => {
  await isLetIn(url, { origin: 'https://anywhere.example' });
});

serving('a page whose name was bound to this machine gets nothing', LISTED, async ({ url, port }) => {
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'pits.example']) await isLetIn(url, { headers: { host } });
  const rebound = `evil.example:${port}`;
  assert.equal((await refusal(url, { headers: { host: rebound }, origin: `http://${rebound}` })).status, 421);
});

serving('handshakes that are wrong are refused', {}, async ({ url, port }) => {
  assert.equal((await refusal(`ws://127.0.0.1:${port}/ws/elsewhere`)).status, 404);
  const old = await refusal(url, { protocolVersion: 8 });
  assert.deepEqual([old.status, old.headers['sec-websocket-version']], [426, '13']);
  assert.equal((await refusal(`${url}?${'q'.repeat(9_000)}`)).status, 414);
  assert.equal((await refusal(url, { headers: { 'X-Long': 'x'.repeat(20_000) } })).status, 431);
  assert.equal((await fetch(url.replace('ws:', 'http:'))).status, 426);
});

serving('handshakes count among the requests of an address', { REQUESTS_PER_SECOND: '1' }, async ({ url }) => {
  await isLetIn(url);
  const { status, headers } = await eventually(() => refusal(url).catch(() => false)); // until they come too fast
  assert.deepEqual([status, headers['retry-after']], [429, '1']);
  await eventually(() => isLetIn(url).then(() => true, () => false)); // and later it may again
});

serving('an address has its share of connections', { MAX_CONNECTIONS_PER_ADDRESS: '3' }, async ({ url }) => {
  const clients = [];
  for (let i = 0; i < 3; ++i) clients.push(await Client.open(url));
  const { status, headers } = await refusal(url);
  assert.deepEqual([status, headers['retry-after']], [503, '1']);
  await isLetIn(url, { localAddress: '127.0.0.2' });
  for (const client of clients) await client.ask({ type: 'ping' }, 'pong');
  clients.pop().close();
  await eventually(() => isLetIn(url).then(() => true, () => false));
  for (const client of clients) client.close();
});

const FLOODED = { MAX_CONNECTIONS: '60', MAX_CONNECTIONS_PER_ADDRESS: '50', HEADER_TIMEOUT_MS: '3600000', BODY_TIMEOUT_MS: '3600000' };

serving('heads and bodies that never end, and connections without number, stop no good client', FLOODED, async (server) => {
  const good = await Client.open(server.url);
  await good.ask({ type: 'subscribe', channels: ['telemetry'], where: { chassis: 'good' } }, 'subscribed');
  const flood = [];
  try {
    for (let i = 0; i < 300; ++i) {
      const socket = connect({ port: server.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
      socket.on('error', () => {});
      flood.push(socket);
      await once(socket, 'connect');
      if (i % 3 === 0) socket.write('GET /ws/realtime HTTP/1.1\r\nUpgrade: websocket\r\nX-Slow: ');
      if (i % 3 === 1) socket.write('POST /api/ingest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{');
      if (i % 20 !== 0) continue;
      const ack = await good.ask({ type: 'publish', id: i, points: [point('good', { i })] }, 'ack');
      assert.deepEqual([ack.id, ack.accepted], [i, 1]);
      const update = await good.next('telemetry_update');
      assert.deepEqual(update.data.map((p) => p.i), [i]);
      await isLetIn(server.url);
    }
  } finally {
    for (const socket of flood) socket.destroy();
  }
  good.close();
});

test('with TLS the port serves who speaks it, and who trusts the certificate', { timeout: TEST_LIMIT_MS }, () =>
  withCertificate(async (environment) => {
    const server = await startServer({ ...environment, ...TOKENS });
    try {
      const url = server.url.replace('ws:', 'wss:');
      const ca = await readFile(environment.TLS_CERTIFICATE);
      const headers = { Authorization: `Bearer ${ADMIN}` };
      for (const version of ['TLSv1.2', 'TLSv1.3']) {
        await isLetIn(url, { ca, headers, minVersion: version, maxVersion: version });
      }
      const client = await Client.open(url, { ca, headers });
      const note = 'n'.repeat(60_000); // far more than a record
      const ack = await client.ask({ type: 'publish', id: 1, points: Array(10).fill(point('a', { note })) }, 'ack');
      assert.equal(ack.accepted, 10);
      const seen = [];
      while (seen.length < 10) seen.push(...(await client.next('telemetry_update')).data);
      assert.ok(seen.every((p) => p.note === note));
      client.close();

      const { status, headers: answer } = await refusal(url, { ca });
      assert.equal(status, 401);
      assert.match(answer['strict-transport-security'], /^max-age=\d+/);
      await assert.rejects(Client.open(url, { headers }), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
      await assert.rejects(Client.open(server.url, { headers }), /socket hang up|ECONNRESET|Parse Error/);
      const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
      await assert.rejects(Client.open(url, { ca, headers, ...old }), /alert protocol version/);
    } finally {
      await server.stop();
    }
  }));
