import { bytes, duration, fixed, name as shownName, percent, whole } from '../../model/format';
import type { Health } from '../../model/messages';

/** `/api/health` in the words of whoever runs the server. Members that are not there are passed over: servers differ. */

export type Value = string | number | boolean | null | undefined | Value[] | { [member: string]: Value };
type Members = Record<string, Value>;

export function object(of: unknown, ...path: string[]): Members {
  let at: unknown = of;
  for (const step of path) at = typeof at === 'object' && at !== null ? (at as Members)[step] : undefined;
  return typeof at === 'object' && at !== null && !Array.isArray(at) ? (at as Members) : {};
}

export function figure(of: unknown, ...path: string[]): number | undefined {
  const value = object(of, ...path.slice(0, -1))[path[path.length - 1]!];
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** What a member says, as text; of lists and objects nothing. */
export function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

export interface Part {
  title: string;
  state: string;
  tone: 'good' | 'slow' | 'bad' | '';
  rows: [string, string][];
}

export interface Advice { what: string; todo: string | undefined; tone: 'bad' | 'slow' }

/** What the server says is wrong, and what it takes notice of. */
export function advice(health: Health): Advice[] {
  const wrong = (health.problems ?? []).map((problem): Advice => ({ ...said(problem), tone: 'bad' }));
  const noticed = (health.notices ?? []).map((notice): Advice => ({ ...said(notice), tone: 'slow' }));
  return [...wrong, ...noticed];
}

function said(problem: unknown): { what: string; todo: string | undefined } {
  if (typeof problem === 'string') return { what: problem, todo: undefined };
  const members = object(problem);
  const part = typeof members.part === 'string' ? `${members.part}: ` : '';
  const since = typeof members.since === 'string' ? ` (since ${members.since})` : '';
  const todo = members.todo ?? members.do ?? members.action;
  return { what: `${part}${textOf(members.message) || textOf(members.what) || JSON.stringify(problem)}${since}`, todo: textOf(todo) || undefined };
}

function refusedRows(of: Members): [string, string][] {
  return Object.entries(object(of, 'rejected')).filter(([, count]) => Number(count) > 0)
    .map(([reason, count]): [string, string] => [`refused, ${reason.replaceAll('_', ' ')}`, whole(Number(count))]);
}

function source(title: string, of: Members): Part {
  const refused = refusedRows(of);
  const lost = Number(of.kernelDrops ?? 0);
  const rows: [string, string][] = [['points that came', whole(Number(of.received ?? 0))], ['taken', whole(Number(of.accepted ?? 0))], ...refused];
  if (of.datagrams !== undefined) rows.push(['datagrams', whole(Number(of.datagrams))], ['lost by the kernel', whole(lost)], ['receive buffer', bytes(Number(of.receiveBufferBytes ?? NaN))]);
  return {
    title, rows,
    tone: lost > 0 ? 'bad' : refused.length > 0 ? 'slow' : 'good',
    state: lost > 0 ? 'loses' : refused.length > 0 ? 'refuses some' : 'takes all',
  };
}

export function partsOf(health: Health): Part[] {
  const parts: Part[] = [];
  const udp = object(health, 'sources', 'udp');
  if (udp.enabled !== false) parts.push(source(`UDP ${textOf(udp.port)}`, udp));
  parts.push(source('HTTP', object(health, 'sources', 'http')), source('WebSocket', object(health, 'sources', 'ws')));
  parts.push(log(health), store(health), workers(health), clients(health), clocks(health));
  if (object(health, 'redis').enabled === true) parts.push(redis(health));
  const outputs = (health.outputs as Members[] | undefined) ?? [];
  for (const output of outputs) parts.push(outputPart(output));
  parts.push(history(health));
  return parts;
}

function log(health: Health): Part {
  const of = object(health, 'log');
  if (of.enabled === false) return { title: 'Log', state: 'off', tone: 'slow', rows: [['what came is kept', 'nowhere']] };
  const behind = Number(of.nextOffset ?? 0) - Number(of.durableOffset ?? 0);
  const lost = Number(of.lostEntries ?? 0);
  return {
    title: 'Log', state: of.failing === true ? 'cannot write' : lost > 0 ? 'lost entries' : 'writes',
    tone: of.failing === true ? 'bad' : lost > 0 ? 'slow' : 'good',
    rows: [
      ['entries', whole(Number(of.nextOffset ?? 0) - Number(of.firstOffset ?? 0))], ['not yet safe', whole(behind)],
      ['acknowledged once', textOf(of.durability)], ['waiting', bytes(Number(of.backlogBytes ?? NaN))], ['failures', whole(Number(of.failures ?? 0))],
      ['lost', whole(lost)],
    ],
  };
}

function store(health: Health): Part {
  const of = object(health, 'store');
  return {
    title: 'Store', state: of.damaged === true ? 'damaged' : of.failing === true ? 'cannot write' : 'writes',
    tone: of.damaged === true || of.failing === true ? 'bad' : 'good',
    rows: [
      ['windows written', whole(Number(of.written ?? 0))], ['waiting', whole(Number(of.waiting ?? 0))],
      ['not yet merged', bytes(Number(of.walBytes ?? NaN))], ['laps written', whole(figure(health, 'laps', 'written') ?? 0)],
    ],
  };
}

function workers(health: Health): Part {
  const partitions = (health.partitions as Members[] | undefined) ?? [];
  const waiting = partitions.map((partition) => Number(partition.queueDepth ?? 0));
  const dead = figure(health, 'workers', 'deadPoints') ?? 0;
  const restarts = figure(health, 'workers', 'restarts') ?? 0;
  const late = ((health.windows as Members[] | undefined) ?? []).map((window): [string, string] =>
    [`late for ${shownName(textOf(window.window))}`, whole(Number(window.latePoints ?? 0))]);
  return {
    title: 'Workers', state: dead > 0 ? 'gave points up' : restarts > 0 ? 'began anew' : 'work', tone: dead > 0 ? 'bad' : restarts > 0 ? 'slow' : 'good',
    rows: [
      ['partitions', whole(partitions.length)], ['deepest queue', whole(Math.max(0, ...waiting))], ['began anew', whole(restarts)],
      ['points given up', whole(dead)], ...late,
    ],
  };
}

function clients(health: Health): Part {
  const skipped = figure(health, 'backpressure', 'skippedShare') ?? 0;
  return {
    title: 'Viewers', state: skipped > 0 ? 'some are behind' : 'all keep up', tone: skipped > 0 ? 'slow' : 'good',
    rows: [
      ['WebSocket clients', whole(figure(health, 'metrics', 'wsClients') ?? 0)], ['behind', percent(skipped)],
      ['messages left out', whole(figure(health, 'backpressure', 'messagesSkipped') ?? 0)],
      ['connections', `${whole(figure(health, 'connections', 'open') ?? 0)} of ${whole(figure(health, 'connections', 'most') ?? 0)}`],
      ['files open', `${whole(figure(health, 'connections', 'descriptors', 'inUse') ?? 0)} of ${whole(figure(health, 'connections', 'descriptors', 'limit') ?? 0)}`],
    ],
  };
}

function clocks(health: Health): Part {
  const off = figure(health, 'clocks', 'off') ?? 0;
  const furthest = (object(health, 'clocks').furthest as Members[] | undefined) ?? [];
  return {
    title: 'Clocks', state: off > 0 ? `${off} off` : 'agree', tone: off > 0 ? 'slow' : 'good',
    rows: [
      ['told beyond', duration((figure(health, 'clocks', 'toldOffsetMs') ?? NaN) / 1000)], ['machines whose clock is off', whole(off)],
      ...furthest.map((machine): [string, string] => [shownName(textOf(machine.chassis)), `${fixed(Number(machine.offset_ms ?? machine.offsetMs ?? NaN) / 1000, 1)} s`]),
      ['this server’s was set', `${whole(figure(health, 'clock', 'steps') ?? 0)} times`],
    ],
  };
}

function redis(health: Health): Part {
  const of = object(health, 'redis');
  const rows = Object.entries(of).filter(([, value]) => typeof value !== 'object' && value !== true)
    .map(([member, value]): [string, string] => [member, typeof value === 'number' ? whole(value) : textOf(value)]);
  const open = of.breaker === 'open' || of.state === 'down';
  return { title: 'Redis', state: open ? 'not there' : 'there', tone: open ? 'bad' : 'good', rows };
}

function outputPart(of: Members): Part {
  const waiting = Number(of.waiting ?? 0);
  const failing = of.failing === true || of.breaker === 'open';
  return {
    title: `Output ${shownName(textOf(of.name) || textOf(of.kind))}`, state: failing ? 'not taken' : 'sent', tone: failing ? 'bad' : 'good',
    rows: [['sent', whole(Number(of.sent ?? 0))], ['waiting', whole(waiting)], ['dropped', whole(Number(of.dropped ?? 0))]],
  };
}

function history(health: Health): Part {
  const of = object(health, 'history');
  return {
    title: 'Recorded laps', state: Number(of.damaged ?? 0) > 0 ? 'damaged' : 'read', tone: Number(of.damaged ?? 0) > 0 ? 'slow' : 'good',
    rows: [
      ['segments with an index', `${whole(Number(of.indexed ?? 0))} of ${whole(Number(of.segments ?? 0))}`], ['questions that wait', whole(Number(of.waiting ?? 0))],
      ['indexes', bytes(Number(of.indexBytes ?? NaN))], ['kept for pinned sessions', bytes(figure(of, 'pinned', 'bytes'))],
    ],
  };
}
