import { signal } from '@preact/signals';
import type { Columns, Other } from '../net/columns';
import { connect, type FeedConnection } from '../net/feed';
import { clockOf } from './race';
import { readStretch } from './recorded';
import { RowRing } from './rows';

/**
 * The points of the cars that were chosen, and of no others: what nobody looks at is not asked for. Each opens with what was recorded of
 * the last minutes, and goes on live.
 */

/** At 60 points a second this is four and a half minutes. */
const ROWS = 16_384;
const RECORDED_BEFORE_MS = 240_000;
const PING_EVERY_MS = 4000;
/** An answer that takes longer waited behind what the line has not carried yet. */
const SLOW_LINE_MS = 1500;
/** After so many quick answers more is asked for again. */
const QUICK_ANSWERS = 15;

export interface Wanted {
  track: string;
  session: string | undefined;
  cars: readonly string[];
  channels: readonly string[];
}

interface Car { rows: RowRing; filledOf: string | undefined }

const cars = new Map<string, Car>();
let connection: FeedConnection | undefined;
let wanted: Wanted | undefined;
let pinged = 0;
let quick = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** Samples that the server left out for us since the page came. */
export const missed = signal(0);
/** 0: every point with all of its figures; 1: only the channels that are shown; 2: ten points a second of those. */
export const thrift = signal<0 | 1 | 2>(0);
/** Counts the fields that were heard of: the list of channels is made anew. */
export const fieldsVersion = signal(0);

const keyOf = (track: string, chassis: string) => `${track}\u0000${chassis}`;

export function rowsOf(track: string, chassis: string): RowRing | undefined {
  return cars.get(keyOf(track, chassis))?.rows;
}

export function fieldsOf(track: string, chosen: readonly string[]): string[] {
  const names = new Set<string>();
  for (const chassis of chosen) for (const name of rowsOf(track, chassis)?.names ?? []) names.add(name);
  return [...names].sort();
}

function subscription(): object {
  const { track, cars: chosen, channels } = wanted!;
  return {
    type: 'subscribe', channels: ['telemetry'], where: { track: [track], chassis: chosen }, policy: 'skip',
    ...(thrift.peek() > 0 ? { fields: [...new Set([...channels, 'lapdist_m'])].slice(0, 64) } : {}),
    ...(thrift.peek() > 1 ? { max_hz: 10 } : {}),
  };
}

function hearColumns(machines: Columns[], leftOut: number): void {
  if (leftOut > 0) missed.value += leftOut;
  const now = performance.now();
  for (const machine of machines) {
    const car = cars.get(keyOf(machine.track, machine.chassis));
    if (!car) continue;
    const known = car.rows.names.length;
    car.rows.append(machine);
    if (car.rows.names.length !== known) fieldsVersion.value++;
    clockOf(machine.track).hear(machine.times[machine.length - 1]!, now);
    if (car.filledOf === undefined) void fill(machine.track, machine.chassis, car);
  }
}

/** The minutes before the page came; without a log on that machine there are none. */
async function fill(track: string, chassis: string, car: Car): Promise<void> {
  const session = wanted?.session;
  if (session === undefined || car.filledOf === session) return;
  car.filledOf = session;
  const newest = car.rows.times[car.rows.end - 1]!;
  try {
    const recorded = await readStretch(session, chassis, newest - RECORDED_BEFORE_MS, newest, 0);
    if (cars.get(keyOf(track, chassis)) !== car) return;
    car.rows.fillIn({ ...recorded, length: recorded.end, texts: {} });
    fieldsVersion.value++;
  } catch {
    // What comes live is shown all the same.
  }
}

function hearOther(message: Other): void {
  if (message.type === 'gap' && message.missed) missed.value += message.missed;
  if (message.type !== 'pong' || pinged === 0) return;
  const slow = performance.now() - pinged > SLOW_LINE_MS;
  pinged = 0;
  quick = slow ? 0 : quick + 1;
  if (slow && thrift.value < 2) setThrift(thrift.value === 0 ? 1 : 2);
  else if (quick >= QUICK_ANSWERS && thrift.value > 0) setThrift(thrift.value === 2 ? 1 : 0);
}

function setThrift(next: 0 | 1 | 2): void {
  quick = 0;
  thrift.value = next;
  if (wanted) connection?.say(subscription());
}

function ask(): void {
  if (!connection) {
    connection = connect('cars', { hello: () => (wanted ? [subscription()] : []), onColumns: hearColumns, onMessage: hearOther,
      onState: (state) => {
        pinged = 0;
        quick = 0;
        if (state.state === 'connecting') thrift.value = 0;
        // What was missed meanwhile is read from the log.
        if (state.state === 'live') for (const car of cars.values()) car.filledOf = undefined;
      } });
    timer = setInterval(() => {
      if (pinged !== 0 || document.hidden || connection?.state.value.state !== 'live') return;
      pinged = performance.now();
      connection?.say({ type: 'ping' });
    }, PING_EVERY_MS);
  } else {
    connection.say(subscription());
  }
}

/** Has these cars' points come, and no others'. */
export function wantCars(next: Wanted | undefined): void {
  if (next && wanted && next.track === wanted.track && next.cars.join('\n') === wanted.cars.join('\n') && next.session === wanted.session &&
      (thrift.peek() === 0 || next.channels.join() === wanted.channels.join())) return;
  wanted = next;
  if (!next || next.cars.length === 0) {
    clearInterval(timer);
    connection?.close();
    connection = undefined;
    cars.clear();
    return;
  }
  const keep = new Set(next.cars.map((chassis) => keyOf(next.track, chassis)));
  for (const key of cars.keys()) if (!keep.has(key)) cars.delete(key);
  for (const key of keep) if (!cars.has(key)) cars.set(key, { rows: new RowRing(ROWS), filledOf: undefined });
  ask();
}
