import { signal, type Signal } from '@preact/signals';
import { token } from '../state/token';
import type { Columns, Other } from './columns';
import type { ConnectionState, FromWorker, ToWorker } from './feed_worker';
import { getJson } from './api';
import type { Health } from '../model/messages';

/** Counts the times that the server was found again: what was asked before is to be asked anew. */
export const reconnected = signal(0);

/** One connection, and what is done with what it brings. */
export interface FeedHandler {
  /** Said each time that the connection is made. */
  hello: () => object[];
  onColumns?: (machines: Columns[], leftOut: number) => void;
  onMessage?: (message: Other) => void;
  onState?: (state: ConnectionState) => void;
}

export interface FeedConnection {
  readonly state: Signal<ConnectionState>;
  say(message: object): void;
  close(): void;
}

const handlers = new Map<string, FeedHandler & { state: Signal<ConnectionState>; wasLive: boolean }>();
let worker: Worker | undefined;
let wsPath: Promise<string> | undefined;
let counter = 0;

function post(message: ToWorker): void {
  worker?.postMessage(message);
}

function take(event: MessageEvent<FromWorker>): void {
  for (const { id, state } of event.data.states) {
    const handler = handlers.get(id);
    if (!handler) continue;
    handler.state.value = state;
    handler.onState?.(state);
    if (state.state === 'live') {
      for (const message of handler.hello()) post({ type: 'say', id, text: JSON.stringify(message) });
      if (handler.wasLive) reconnected.value++;
      handler.wasLive = true;
    }
  }
  for (const { id, message } of event.data.messages) handlers.get(id)?.onMessage?.(message);
  for (const { id, machines, leftOut } of event.data.columns) handlers.get(id)?.onColumns?.(machines, leftOut);
  // Asked for once this task is over: a page that is busy gets fewer and larger deliveries.
  setTimeout(() => post({ type: 'taken' }), 0);
}

async function pathOfServer(): Promise<string> {
  try {
    return (await getJson<Health>('/api/health')).wsPath ?? '/ws/realtime';
  } catch {
    wsPath = undefined;
    return '/ws/realtime';
  }
}

async function address(): Promise<string> {
  wsPath ??= pathOfServer();
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const given = token.value === '' ? '' : `?token=${encodeURIComponent(token.value)}`;
  return `${scheme}://${location.host}${await wsPath}${given}`;
}

/** Has every connection that waits try now. */
export function retryNow(): void {
  post({ type: 'retry' });
}

export function connect(name: string, handler: FeedHandler): FeedConnection {
  if (!worker) {
    worker = new Worker(new URL('./feed_worker.ts', import.meta.url), { type: 'module', name: 'feed' });
    worker.onmessage = take;
  }
  const id = `${name} ${++counter}`;
  const state = signal<ConnectionState>({ state: 'connecting' });
  handlers.set(id, { ...handler, state, wasLive: false });
  const open = () => void address().then((url) => {
    if (handlers.has(id)) post({ type: 'open', id, url });
  });
  // Called now, and again with each other token.
  const stop = token.subscribe(open);
  return {
    state,
    say: (message) => post({ type: 'say', id, text: JSON.stringify(message) }),
    close: () => {
      stop();
      handlers.delete(id);
      post({ type: 'close', id });
    },
  };
}
