import type { LiveMessage } from '../model/messages';
import { ColumnGatherer, type Columns, type Other } from './columns';

/**
 * The page's connections to `/ws/realtime`, in a thread of their own: what comes is parsed here, points become columns, and all that has
 * gathered goes to the page when it has taken what came before. So a page in the background costs no memory.
 */
export type ToWorker =
  | { type: 'open'; id: string; url: string }
  | { type: 'say'; id: string; text: string }
  | { type: 'close'; id: string }
  | { type: 'retry' }
  | { type: 'taken' };

export type ConnectionState = { state: 'connecting' | 'live' | 'closed' } | { state: 'waiting'; seconds: number };

export interface FromWorker {
  states: { id: string; state: ConnectionState }[];
  columns: { id: string; machines: Columns[]; leftOut: number }[];
  messages: { id: string; message: Other }[];
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5000;
const CONNECT_WITHIN_MS = 10_000;
/** A connection that says nothing for so long is asked whether it is there; one that does not answer in time is made anew. */
const SILENT_MS = 8000;
const ANSWER_WITHIN_MS = 6000;
const WATCH_ID = 'watch';
/** Messages other than points that wait for a page that does not take them: beyond it the oldest go. */
const MAX_MESSAGES = 2000;

const out: FromWorker = { states: [], columns: [], messages: [] };
const connections = new Map<string, Connection>();
let pageIsBusy = false;
let scheduled = false;

function deliver(): void {
  if (scheduled || pageIsBusy) return;
  scheduled = true;
  // What one task brings goes out together.
  queueMicrotask(() => {
    scheduled = false;
    for (const [id, connection] of connections) {
      if (connection.gathered.empty && connection.gathered.leftOut === 0) continue;
      out.columns.push({ id, machines: connection.gathered.take(), leftOut: connection.gathered.leftOut });
      connection.gathered.leftOut = 0;
    }
    if (out.states.length + out.columns.length + out.messages.length === 0) return;
    const buffers = out.columns.flatMap(({ machines }) =>
      machines.flatMap((machine) => [machine.times.buffer, ...machine.figures.map((column) => column.buffer)]));
    pageIsBusy = true;
    postMessage(out, { transfer: buffers as ArrayBuffer[] });
    out.states = [];
    out.columns = [];
    out.messages = [];
  });
}

class Connection {
  readonly gathered = new ColumnGatherer();
  private socket: WebSocket | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private waitMs = FIRST_WAIT_MS;
  private heardAt = 0;
  private askedAt: number | undefined;

  constructor(private readonly id: string, private readonly url: string) {
    this.connect();
  }

  retry(): void {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.waitMs = FIRST_WAIT_MS;
    this.connect();
  }

  /** What is said while there is no connection is left out: `live` has the page say all of it anew. */
  say(text: string): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(text);
  }

  close(): void {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = undefined;
    socket?.close();
  }

  /** After a sleep, or behind a router that forgot it, a connection may be gone without having closed. */
  watch(now: number): void {
    if (this.socket?.readyState !== WebSocket.OPEN || now - this.heardAt < SILENT_MS) return;
    if (this.askedAt === undefined) {
      this.askedAt = now;
      this.socket.send(JSON.stringify({ type: 'ping', id: WATCH_ID }));
    } else if (now - this.askedAt > ANSWER_WITHIN_MS) {
      const gone = this.socket;
      gone.onclose = null;
      gone.close();
      this.comeBack();
    }
  }

  private comeBack(): void {
    const wait = this.waitMs * (0.5 + Math.random());
    this.waitMs = Math.min(this.waitMs * 2, LONGEST_WAIT_MS);
    this.tell({ state: 'waiting', seconds: wait / 1000 });
    this.timer = setTimeout(() => this.connect(), wait);
  }

  private tell(state: ConnectionState): void {
    out.states.push({ id: this.id, state });
    deliver();
  }

  private connect(): void {
    this.timer = undefined;
    this.tell({ state: 'connecting' });
    const socket = new WebSocket(this.url);
    this.socket = socket;
    const patience = setTimeout(() => socket.close(), CONNECT_WITHIN_MS);
    socket.onopen = () => {
      clearTimeout(patience);
      this.waitMs = FIRST_WAIT_MS;
      this.heardAt = performance.now();
      this.askedAt = undefined;
      this.tell({ state: 'live' });
      // Where one found the server the others need not wait.
      for (const connection of connections.values()) connection.retry();
    };
    socket.onmessage = (event) => {
      if (this.socket === socket) this.hear(event.data as string);
    };
    socket.onclose = () => {
      clearTimeout(patience);
      if (this.socket === socket) this.comeBack();
    };
  }

  private hear(text: string): void {
    this.heardAt = performance.now();
    this.askedAt = undefined;
    let message: LiveMessage;
    try {
      message = JSON.parse(text) as LiveMessage;
    } catch {
      return;
    }
    // An answer to what is asked here is nobody else's.
    if (message.type === 'pong' && message.id === WATCH_ID) return;
    if (message.type === 'telemetry_update') this.gathered.add(message.data);
    else {
      out.messages.push({ id: this.id, message });
      if (out.messages.length > MAX_MESSAGES) out.messages.splice(0, MAX_MESSAGES / 2);
    }
    deliver();
  }
}

setInterval(() => {
  for (const connection of connections.values()) connection.watch(performance.now());
}, 2000);

onmessage = (event: MessageEvent<ToWorker>) => {
  const request = event.data;
  switch (request.type) {
    case 'open':
      connections.get(request.id)?.close();
      connections.set(request.id, new Connection(request.id, request.url));
      break;
    case 'say':
      connections.get(request.id)?.say(request.text);
      break;
    case 'close':
      connections.get(request.id)?.close();
      connections.delete(request.id);
      break;
    case 'retry':
      for (const connection of connections.values()) connection.retry();
      break;
    case 'taken':
      pageIsBusy = false;
      deliver();
      break;
  }
};
