// What npm's ws broadcasts, as a yardstick: node ws_broadcast.mjs CLIENTS BYTES. Prints its port; sends once all are there.
import { WebSocketServer } from 'ws';

const [clients, bytes] = process.argv.slice(2).map(Number);
const message = 'x'.repeat(bytes);
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false }, () =>
  console.log(server.address().port),
);

function broadcast() {
  let sent = 0;
  for (const client of server.clients) {
    if (client.bufferedAmount > 131072) continue;
    client.send(message);
    ++sent;
  }
  if (sent > 0) setImmediate(broadcast);
  else setTimeout(broadcast, 1);
}
server.on('connection', () => server.clients.size === clients && broadcast());
