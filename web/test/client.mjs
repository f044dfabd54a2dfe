// A client that we did not write, ws from npm, whose messages are awaited one by one.
import assert from 'node:assert/strict';
import WebSocket from 'ws';

/** How long one thing is waited for, and a whole test: so that it ends. The machine may be slow, and busy with others. */
export const LIMIT_MS = 60_000;
export const TEST_LIMIT_MS = 8 * LIMIT_MS;

/** Both ways of talking; where there is deflate, everything is deflated that may be. */
export const WAYS = [
  { deflated: true, say: (text) => `${text}, deflated`, options: { perMessageDeflate: { threshold: 0 } } },
  { deflated: false, say: (text) => text, options: { perMessageDeflate: false } },
];

export class Client {
  static async open(url, options = {}) {
    const client = new Client();
    client.ws = new WebSocket(url, options);
    client.waiting = [];
    client.got = [];
    client.ws.on('message', (data, isBinary) => {
      assert.equal(isBinary, false, 'messages are texts');
      const message = JSON.parse(data.toString());
      const at = client.waiting.findIndex(({ want }) => want(message));
      if (at >= 0) client.waiting.splice(at, 1)[0].resolve(message);
      else client.got.push(message);
    });
    client.closed = new Promise((resolve) => client.ws.once('close', (code, reason) => resolve([code, String(reason)])));
    await new Promise((resolve, reject) => {
      client.ws.once('open', resolve);
      client.ws.once('error', reject);
    });
    client.ws.on('error', () => {});
    return client;
  }
  /** The first message that is wanted, of those that came and were not taken, or that will come. */
  next(want, what = want) {
    if (typeof want === 'string') {
      const type = want;
      want = (message) => message.type === type;
    }
    const at = this.got.findIndex(want);
    if (at >= 0) return Promise.resolve(this.got.splice(at, 1)[0]);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no message ${what}`)), LIMIT_MS);
      this.waiting.push({ want, resolve: (m) => (clearTimeout(timer), resolve(m)) });
    });
  }
  say(message) {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }
  async ask(message, type) {
    this.say(message);
    return this.next(type);
  }
  close() {
    this.ws.terminate();
  }
}

/** The answer to a handshake that is refused. */
export function refusal(url, options = {}) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, options);
    ws.once('open', () => (ws.terminate(), reject(new Error('it was let in'))));
    ws.once('unexpected-response', (request, response) => {
      request.destroy();
      resolve({ status: response.statusCode, headers: response.headers });
    });
    ws.on('error', reject);
  });
}

/** Asks again and again, until there is something. */
export async function eventually(ask, what = ask) {
  const deadline = Date.now() + LIMIT_MS;
  while (true) {
    const found = await ask();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export const point = (chassis, more = {}) => ({ track: 'cota', chassis, lap: 1, lapdist_m: 10, speed_kmh: 100, rpm: 5000, ...more });

/** Noise, so that deflating it helps nobody. */
export const noise = (bytes = 12_000) =>
  Buffer.from(Array.from({ length: bytes }, () => Math.floor(Math.random() * 256))).toString('base64');
