import { computed, signal } from '@preact/signals';
import { feedClock } from '../data/race';
import { param, setParams } from './url';

/**
 * Which moment is looked at: the running one, perhaps some seconds later for those who watch a broadcast, or one that was, standing still or
 * played. `at` of the address is where it stands, or was begun to be played from.
 */
export const SPEEDS = [0.25, 0.5, 1, 2, 4, 10, 25, 50] as const;
export const MAX_DELAY_S = 90;

interface Playing { speed: number; sinceNow: number; fromMs: number }

const playing = signal<Playing | undefined>(undefined);

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
  return pinnedAt.peek() ?? feedClock.at(now) - delayS.peek() * 1000;
}

function standAt(ms: number): void {
  setParams({ at: new Date(ms).toISOString() });
}

export function seek(ms: number): void {
  const run = playing.peek();
  if (run) playing.value = { ...run, fromMs: ms, sinceNow: performance.now() };
  standAt(ms);
}

export function pause(): void {
  const ms = viewTime();
  playing.value = undefined;
  if (Number.isFinite(ms)) standAt(ms);
}

export function play(speed = playSpeed.peek()): void {
  const ms = viewTime();
  if (!Number.isFinite(ms)) return;
  playing.value = { speed, fromMs: ms, sinceNow: performance.now() };
  setParams({ at: new Date(ms).toISOString(), speed: speed === 1 ? undefined : String(speed) });
}

export function setSpeed(speed: number): void {
  if (playing.peek()) play(speed);
  else setParams({ speed: speed === 1 ? undefined : String(speed) });
}

/** Back to what comes now. */
export function goLive(): void {
  playing.value = undefined;
  setParams({ at: undefined, speed: undefined });
}

export function setDelay(seconds: number): void {
  setParams({ delay: seconds === 0 ? undefined : String(seconds) });
}
