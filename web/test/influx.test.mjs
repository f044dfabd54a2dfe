// InfluxDB's own client for JavaScript, starting up, pinging and writing as it does by itself.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HttpError, InfluxDB, Point } from '@influxdata/influxdb-client';
import { TEST_LIMIT_MS } from './client.mjs';
import { startServer } from './server.mjs';

const TOKEN = 'write-token-of-a-collector';
let server;
before(async () => (server = await startServer({ API_TOKEN_WRITE: TOKEN })));
after(() => server.stop());

const url = () => `http://127.0.0.1:${server.port}`;
const recent = async (chassis) =>
  (await (await fetch(`${url()}/api/recent/5000?chassis=${chassis}`)).json()).recent;

test('a batch packed by gzip arrives, with its times', { timeout: TEST_LIMIT_MS }, async () => {
  const influx = new InfluxDB({ url: url(), token: TOKEN });
  const failed = [];
  const writer = influx.getWriteApi('org', 'fleet', 'ms', {
    gzipThreshold: 100,
    batchSize: 100,
    maxRetries: 0,
    writeFailed: (error) => void failed.push(error),
  });
  writer.useDefaultTags({ host: 'node' });
  for (let i = 0; i < 250; i++) {
    writer.writePoint(new Point('cpu').floatField('usage', i).stringField('state', 'busy').timestamp(1756999999000 + i));
  }
  await writer.close();
  assert.deepEqual(failed, []);
  let points = [];
  while (points.length < 250) points = await recent('node');
  assert.equal(points.at(-1).track, 'cpu');
  assert.equal(points.at(-1).usage, 249);
  assert.equal(points.at(-1).meta_time, '2025-09-04T15:33:19.249Z');
});

test('what is refused is told in the client\'s words', { timeout: TEST_LIMIT_MS }, async () => {
  const failures = [];
  const write = async (token, line) => {
    const writer = new InfluxDB({ url: url(), token }).getWriteApi('org', 'fleet', 'ns', {
      maxRetries: 0,
      writeFailed: (error) => void failures.push(error),
    });
    writer.writeRecord(line);
    await writer.close().catch(() => {});
  };
  await write(TOKEN, 'cpu,host=node rpm=x');
  await write('guessed', 'cpu,host=node usage=1');
  assert.ok(failures.every((error) => error instanceof HttpError));
  assert.deepEqual(failures.map((error) => [error.statusCode, error.code]), [[400, 'invalid'], [401, 'unauthorized']]);
  assert.match(failures[0].message, /bad_number/);
});

test('a query says what to use in its place', { timeout: TEST_LIMIT_MS }, async () => {
  const query = new InfluxDB({ url: url(), token: TOKEN }).getQueryApi('org');
  await assert.rejects(query.collectRows('buckets()'), /Flux is not answered here|\/api\/rollups/);
});
