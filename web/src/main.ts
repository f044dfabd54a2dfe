import './styles.css';
import { whole } from './format';
import type { Point, Standings } from './messages';
import { NoticeList } from './notices';
import { Selection } from './selection';
import { Socket, type Connection } from './socket';
import { Store } from './store';
import { CarTable } from './table';
import { readToken } from './token';
import { Trace } from './trace';

const TABLE_EVERY_MS = 200;
const TRACE_EVERY_MS = 50;
const RATE_EVERY_MS = 1000;

function byId<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

const store = new Store();
const selection = new Selection();
const table = new CarTable(byId('cars'), byId('empty'), byId('more'), byId<HTMLInputElement>('filter'), selection);
const trace = new Trace(byId('trace'), byId('legend'), selection);
const notices = new NoticeList(byId('notices'), byId('no-notices'));

const token = readToken();
let connection: Connection = { state: 'connecting' };
let refused = false;

function renderConnection(): void {
  const element = byId('connection');
  element.dataset.state = connection.state;
  const seconds = connection.state === 'waiting' ? Math.ceil((connection.untilMs - performance.now()) / 1000) : 0;
  let text: string = connection.state;
  if (connection.state === 'waiting') text = `lost, trying again in ${Math.max(seconds, 0)} s`;
  if (refused && connection.state !== 'live') text = 'a token is needed: open this page with #token=...';
  if (element.textContent !== text) element.textContent = text;
}

/** Calls `render` with the display, at most every `everyMs`. */
function loop(everyMs: number, render: () => void): void {
  let last = 0;
  const frame = (now: number) => {
    if (now - last >= everyMs) {
      last = now;
      render();
    }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

function watchRates(): void {
  let points = store.points;
  let messages = store.messages;
  let at = performance.now();
  setInterval(() => {
    const now = performance.now();
    const seconds = (now - at) / 1000;
    byId('rate').textContent = whole((store.points - points) / seconds);
    byId('message-rate').textContent = whole((store.messages - messages) / seconds);
    byId('missed').textContent = whole(store.missed);
    byId('car-count').textContent = whole(store.cars.size);
    points = store.points;
    messages = store.messages;
    at = now;
    renderConnection();
  }, RATE_EVERY_MS);
}

async function json<T>(path: string): Promise<T | undefined> {
  try {
    const response = await fetch(path, token === '' ? {} : { headers: { Authorization: `Bearer ${token}` } });
    refused = response.status === 401 || response.status === 403;
    return (await response.json()) as T;
  } catch {
    return undefined;
  }
}

async function start(): Promise<void> {
  const health = await json<{ wsPath?: string }>('/api/health');
  const recent = await json<{ recent: Point[] }>('/api/recent/2000');
  for (const point of recent?.recent ?? []) store.applyPoint(point, performance.now());
  const standings = await json<{ standings?: Standings[] }>('/api/standings');
  for (const track of standings?.standings ?? []) store.applyStandings(track);

  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const query = token === '' ? '' : `?token=${encodeURIComponent(token)}`;
  new Socket(
    `${scheme}://${location.host}${health?.wsPath ?? '/ws/realtime'}${query}`,
    JSON.stringify({ type: 'subscribe', channels: ['telemetry', 'insights', 'standings'] }),
    (message) => store.apply(message, performance.now()),
    (next) => {
      connection = next;
      renderConnection();
    },
  );
  watchRates();
  loop(TABLE_EVERY_MS, () => {
    table.render(store, performance.now());
    selection.offer([...document.querySelectorAll<HTMLElement>('#cars tr')].map((row) => row.dataset.chassis ?? ''));
    notices.render(store);
  });
  loop(TRACE_EVERY_MS, () => trace.render(store));
}

void start();
