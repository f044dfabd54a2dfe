import { computed, signal } from '@preact/signals';
import type { Alert, Health, Lap, Mark, Notice, Standings } from '../model/messages';
import { eventMs, FeedClock } from '../model/time';
import { allPages, getJson } from '../net/api';
import type { Other } from '../net/columns';
import { connect, type FeedConnection } from '../net/feed';

/** What the page knows of the races that run: their order, laps and what happened, of all tracks. */

/** Something that happened, for the one list of events. */
export interface EventEntry {
  key: string;
  ms: number;
  kind: 'mark' | 'notice' | 'alert' | 'lap';
  tone: 'best' | 'good' | 'slow' | 'bad' | 'pit' | 'plain';
  track: string | undefined;
  chassis: string | undefined;
  text: string;
  active?: boolean;
}

const MAX_EVENTS = 400;
/** Standings come five times a second: two minutes of them serve those who look back, or watch with a delay. */
const KEPT_STANDINGS = 600;
/** Tracks whose standings are kept. */
const MAX_TRACKS = 64;

const clocks = new Map<string, FeedClock>();

/** Event time as one track's machines tell it: a recording that is sent is a day behind a race that runs. */
export function clockOf(track: string): FeedClock {
  let clock = clocks.get(track);
  if (!clock) {
    if (clocks.size >= MAX_TRACKS) clocks.delete(clocks.keys().next().value!);
    clocks.set(track, (clock = new FeedClock()));
  }
  return clock;
}

export const standings = signal<ReadonlyMap<string, Standings>>(new Map());
export const laps = signal<ReadonlyMap<string, Lap>>(new Map());
export const events = signal<readonly EventEntry[]>([]);
export const health = signal<Health | undefined>(undefined);
const past = new Map<string, Standings[]>();
let cursors: Record<string, string> = {};
let connection: FeedConnection | undefined;
let lapsOf: string | undefined;

export const raceState = computed(() => connection?.state.value ?? { state: 'connecting' as const });

const heardAt = new Map<string, number>();
const SILENT_TRACK_MS = 15_000;
let keptTrack: string | undefined;

/** The track that is shown to who did not choose: the first that was heard of, as long as its cars say something. */
export const defaultTrack = computed(() => {
  const now = performance.now();
  const isHeard = (track: string) => now - (heardAt.get(track) ?? -Infinity) < SILENT_TRACK_MS;
  const all = [...standings.value.values()].sort((a, b) => eventMs(b.time) - eventMs(a.time)).map((order) => order.track);
  if (keptTrack === undefined || !standings.value.has(keptTrack) || (!isHeard(keptTrack) && all.some(isHeard))) {
    keptTrack = all.find(isHeard) ?? all[0];
  }
  return keptTrack;
});

/** `performance.now()` of when the order of a track was told last. */
export function heardOf(track: string): number {
  return heardAt.get(track) ?? -Infinity;
}

/** The order on a track as it was told last at `ms`; undefined: that is longer ago than is kept. */
export function standingsAt(track: string, ms: number): Standings | undefined {
  const kept = past.get(track) ?? [];
  for (let i = kept.length - 1; i >= 0; i--) {
    if (eventMs(kept[i]!.time) <= ms) return kept[i];
  }
  return undefined;
}

function hearStandings(message: Standings, now: number): void {
  const ms = eventMs(message.time);
  clockOf(message.track).hear(ms, now);
  const next = new Map(standings.value);
  if (!next.has(message.track) && next.size >= MAX_TRACKS) return;
  heardAt.set(message.track, now);
  next.set(message.track, message);
  standings.value = next;
  let kept = past.get(message.track);
  if (!kept || (kept.length > 0 && eventMs(kept[kept.length - 1]!.time) > ms + 5000)) past.set(message.track, (kept = []));
  kept.push(message);
  if (kept.length > KEPT_STANDINGS) kept.splice(0, KEPT_STANDINGS / 4);
}

function addEvents(entries: EventEntry[]): void {
  if (entries.length === 0) return;
  const all = new Map(events.value.map((entry) => [entry.key, entry]));
  for (const entry of entries) all.set(entry.key, entry);
  events.value = [...all.values()].sort((a, b) => b.ms - a.ms).slice(0, MAX_EVENTS);
}

const MARK_TONES: [RegExp, EventEntry['tone']][] = [
  [/fastest/, 'best'], [/penalt|red|retire|collision|disqual/, 'bad'], [/yellow|safety|flashback|warning/, 'slow'],
  [/pit/, 'pit'], [/green|start|chequered|winner/, 'good'],
];

export function markEvent(mark: Mark): EventEntry {
  const kind = mark.kind.replaceAll('_', ' ');
  const words = !mark.text ? kind : mark.kind === 'note' ? mark.text : `${kind}: ${mark.text}`;
  return {
    key: `mark ${mark.track} ${mark.time} ${mark.kind} ${mark.chassis ?? ''} ${mark.text ?? ''}`,
    ms: eventMs(mark.time),
    kind: 'mark',
    tone: MARK_TONES.find(([pattern]) => pattern.test(mark.kind))?.[1] ?? 'plain',
    track: mark.track,
    chassis: mark.chassis ?? undefined,
    text: words,
  };
}

export function alertEvent(alert: Alert): EventEntry {
  const cleared = alert.state === 'cleared';
  return {
    key: `alert ${alert.track} ${alert.chassis} ${alert.name} ${alert.time} ${alert.state}`,
    ms: eventMs(alert.time),
    kind: 'alert',
    tone: cleared ? 'good' : alert.severity === 'critical' ? 'bad' : 'slow',
    track: alert.track,
    chassis: alert.chassis,
    text: cleared ? `cleared: ${alert.message}` : alert.message,
    active: !cleared,
  };
}

/** A notice's message may begin with the car, which is shown beside it. */
function withoutName(message: string, chassis: string): string {
  return message.startsWith(chassis) ? message.slice(chassis.length).replace(/^[:,]?\s+/, '') : message;
}

function noticeEvent(notice: Notice): EventEntry {
  const cleared = notice.state === 'cleared';
  return {
    key: `notice ${notice.chassis} ${notice.type} ${Object.keys(notice.data)[0] ?? ''} ${notice.timestamp} ${notice.state}`,
    ms: notice.timestamp,
    kind: 'notice',
    tone: cleared ? 'plain' : notice.severity === 'critical' ? 'bad' : notice.severity === 'low' ? 'plain' : 'slow',
    track: undefined,
    chassis: notice.chassis,
    text: (cleared ? 'over: ' : '') + withoutName(notice.message, notice.chassis),
  };
}

function hearLaps(closed: Lap[]): void {
  const mine = closed.filter((lap) => lap.session === lapsOf);
  if (mine.length === 0) return;
  const next = new Map(laps.value);
  for (const lap of mine) {
    const old = next.get(lap.id);
    if (!old || old.revision <= lap.revision) next.set(lap.id, lap);
  }
  laps.value = next;
}

function hear(message: Other): void {
  const now = performance.now();
  switch (message.type) {
    case 'standings_update':
      hearStandings(message, now);
      break;
    case 'lap_update':
      cursors.laps = message.cursor;
      hearLaps([message]);
      break;
    case 'mark':
      cursors.marks = message.cursor;
      addEvents([markEvent(message)]);
      break;
    case 'alert':
      cursors.alerts = message.cursor;
      addEvents([alertEvent(message)]);
      break;
    case 'insight_update':
      addEvents(message.insights.map(noticeEvent));
      break;
    case 'system_update':
      health.value = message.data;
      break;
    case 'subscribed':
      cursors = { ...message.cursors, ...cursors };
      break;
    case 'error':
      // The store is another one: what was known of it is not to be gone on with.
      if (message.reason === 'bad_cursor') cursors = {};
      break;
    default:
      break;
  }
}

const CHANNELS = ['standings', 'laps', 'marks', 'alerts', 'insights', 'system'];

function hello(): object[] {
  const resumed = Object.entries(cursors).map(([channel, after]) => ({ type: 'resume', channel, after }));
  return [{ type: 'subscribe', channels: CHANNELS, policy: 'conflate' }, ...resumed];
}

/** Called once. */
export function followRaces(): void {
  connection = connect('race', { hello, onMessage: hear, onState: (state) => {
    if (state.state === 'live') void readWhatWas();
  } });
}

/** What happened before this page came, as far as the lists go. */
async function readWhatWas(): Promise<void> {
  try {
    const now = await getJson<{ standings: Standings[] }>('/api/standings');
    for (const track of now.standings) hearStandings(track, performance.now());
    const { marks } = await getJson<{ marks: Mark[] }>('/api/marks?limit=100');
    addEvents(marks.map(markEvent));
    const { alerts } = await getJson<{ alerts: Alert[] }>('/api/alerts?limit=100');
    addEvents(alerts.map(alertEvent));
  } catch {
    // What comes live serves until the next time that the server is found.
  }
  if (lapsOf !== undefined) await readLaps(lapsOf);
}

/** Has `laps` be those of this session: of what is asked for by several at once, that of the last. */
export async function readLaps(session: string): Promise<void> {
  if (lapsOf !== session) {
    lapsOf = session;
    laps.value = new Map();
  }
  try {
    const all = await allPages<Lap>(`/api/laps?session=${encodeURIComponent(session)}`, 'laps', 20_000);
    if (lapsOf === session) hearLaps(all);
  } catch {
    // They are asked for again when the server is back.
  }
}
