import { computed, signal } from '@preact/signals';
import { clockOf } from '../data/race';
import { param, setParams } from './url';

/**
 * Which moment is looked at: the running one, perhaps some seconds later for those who watch a broadcast, or one that was, standing still or
 * played. `at` of the address is where it stands, or was begun to be played from.
 */
export const SPEEDS = [0.25, 0.5, 1, 2, 4, 10, 25, 50] as const;
export const MAX_DELAY_S = 90;

/** It is played while the address has the moment that it was begun at: who goes elsewhere plays no more. */
interface Playing { speed: number; sinceNow: number; fromMs: number; at: string }

const begun = signal<Playing | undefined>(undefined);
const playing = computed(() => (begun.value && param('at') === begun.value.at ? begun.value : undefined));

/** The track whose time it is. */
export const watchedTrack = signal<string | undefined>(undefined);

/** The event time that is now on the watched track; NaN where nothing was heard of it. */
export function feedTime(now = performance.now()): number {
  const track = watchedTrack.peek();
  return track === undefined ? NaN : clockOf(track).at(now);
}

/** ms since 1970 of the moment that stands in the address; undefined: the running one. */
export const pinnedAt = computed(() => {
  const text = param('at');
  const ms = text === undefined ? NaN : Date.parse(text);
  return Number.isFinite(ms) ? ms : undefined;
});
export const isLive = computed(() => pinnedAt.value === undefined);
export const isPlaying = computed(() => playing.value !== undefined);
export const playSpeed = computed(() => playing.value?.speed ?? Number(param('speed') ?? '1'));
export const delayS = computed(() => {
  const seconds = Number(param('delay') ?? '0');
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), MAX_DELAY_S) : 0;
});

/** The event time that is looked at; NaN where nothing was heard yet. Not a signal: it moves with the display. */
export function viewTime(now = performance.now()): number {
  const run = playing.peek();
  if (run) return run.fromMs + (now - run.sinceNow) * run.speed;
  return pinnedAt.peek() ?? feedTime(now) - delayS.peek() * 1000;
}

function standAt(ms: number): void {
  setParams({ at: new Date(ms).toISOString() });
}

export function seek(ms: number): void {
  const run = playing.peek();
  standAt(ms);
  if (run) begun.value = { ...run, fromMs: ms, sinceNow: performance.now(), at: param('at') ?? '' };
}

export function pause(): void {
  const ms = viewTime();
  begun.value = undefined;
  if (Number.isFinite(ms)) standAt(ms);
}

export function play(speed = playSpeed.peek()): void {
  const ms = viewTime();
  if (!Number.isFinite(ms)) return;
  const at = new Date(ms).toISOString();
  setParams({ at, speed: speed === 1 ? undefined : String(speed) });
  begun.value = { speed, fromMs: ms, sinceNow: performance.now(), at };
}

export function setSpeed(speed: number): void {
  if (playing.peek()) play(speed);
  else setParams({ speed: speed === 1 ? undefined : String(speed) });
}

/** Back to what comes now. */
export function goLive(): void {
  begun.value = undefined;
  setParams({ at: undefined, speed: undefined });
}

export function setDelay(seconds: number): void {
  setParams({ delay: seconds === 0 ? undefined : String(seconds) });
}
