import { describe, expect, test } from 'vitest';
import { ColumnGatherer, MAX_WAITING_ROWS } from '../src/net/columns';
import { lowerBound, periodOf, RowRing } from '../src/data/rows';
import { decimate, gridOf } from '../src/charts/decimate';
import { valueAt } from '../src/charts/values';

const columns = (times: number[], figures: Record<string, number[]>, texts = {}) => ({
  length: times.length, times: Float64Array.from(times), names: Object.keys(figures), figures: Object.values(figures).map((c) => Float64Array.from(c)), texts,
});
const read = (ring: RowRing, name: string) => [...(ring.column(name) ?? []).slice(ring.begin, ring.end)];
const times = (ring: RowRing) => [...ring.times.slice(ring.begin, ring.end)];

describe('rows of a machine', () => {
  test('stand in the order of their times, also late ones, and one time is one row', () => {
    const ring = new RowRing(100);
    ring.append(columns([10, 20, 40], { a: [1, 2, 4] }));
    ring.append(columns([30, 20], { b: [3, 2] }));
    expect(times(ring)).toEqual([10, 20, 30, 40]);
    expect(read(ring, 'a')).toEqual([1, 2, NaN, 4]);
    expect(read(ring, 'b')).toEqual([NaN, 2, 3, NaN]);
  });

  test('the oldest go, and memory does not grow', () => {
    const ring = new RowRing(8);
    for (let time = 0; time < 1000; time++) ring.append(columns([time], { a: [time] }));
    expect(times(ring)).toEqual([992, 993, 994, 995, 996, 997, 998, 999]);
    expect(read(ring, 'a')).toEqual(times(ring));
    expect(ring.times.length).toBe(16);
  });

  test('what was recorded takes the place of what is there of its stretch', () => {
    const ring = new RowRing(100);
    ring.append(columns([10, 50, 60], { a: [1, 5, 6] }));
    ring.fillIn(columns([20, 30, 40, 50], { a: [2, 3, 4, 5.5] }));
    expect(times(ring)).toEqual([10, 20, 30, 40, 50, 60]);
    expect(read(ring, 'a')).toEqual([1, 2, 3, 4, 5.5, 6]);
  });

  test('against a plain list, whatever comes in whatever order', () => {
    let seed = 7;
    const random = (below: number) => (seed = (seed * 16807) % 2147483647) % below;
    const ring = new RowRing(50);
    const plain = new Map<number, number>();
    for (let step = 0; step < 2000; step++) {
      const time = Math.floor(step / 2) + random(20);
      ring.append(columns([time], { a: [step] }));
      plain.set(time, step);
    }
    // Those that were too old for a ring that had gone on are not there: the newest are, in order.
    const expected = [...plain].sort((a, b) => a[0] - b[0]).slice(-20);
    expect(times(ring).slice(-20)).toEqual(expected.map(([time]) => time));
    expect(read(ring, 'a').slice(-20)).toEqual(expected.map(([, value]) => value));
  });

  test('are found by time, and tell their period', () => {
    const ring = new RowRing(100);
    ring.append(columns([0, 40, 80, 120, 400, 440], { a: [0, 1, 2, 3, 4, 5] }));
    expect([lowerBound(ring, -1), lowerBound(ring, 80), lowerBound(ring, 81), lowerBound(ring, 999)]).toEqual([0, 2, 3, 6]);
    expect(periodOf(ring)).toBe(40);
  });
});

test('points become columns, by machine; what nobody takes is bounded and counted', () => {
  const gatherer = new ColumnGatherer();
  gatherer.add([
    { track: 't', chassis: 'a', meta_time: 1e12, speed_kmh: 5, text: 'x' },
    { track: 't', chassis: '__proto__', meta_time: 1e12, speed_kmh: 7 },
    { track: 't', chassis: 'a', meta_time: 1e12 + 1, rpm: 9, tags: { wheel: 'fl' } },
    { track: 't', chassis: 'a', meta_time: 'no time', rpm: 9 },
  ]);
  const [a, b] = gatherer.take();
  expect([a!.chassis, a!.length, a!.names]).toEqual(['a', 2, ['speed_kmh', 'rpm']]);
  expect(a!.figures.map((c) => [...c])).toEqual([[5, NaN], [NaN, 9]]);
  expect(a!.texts).toEqual({ text: 'x', 'tag.wheel': 'fl' });
  expect([b!.chassis, [...b!.figures[0]!]]).toEqual(['__proto__', [7]]);
  expect(gatherer.take()).toEqual([]);
  gatherer.add(Array.from({ length: MAX_WAITING_ROWS + 1 }, (_, n) => ({ track: 't', chassis: 'a', meta_time: 1e12 + n, x: n })));
  expect([gatherer.leftOut, gatherer.empty]).toEqual([MAX_WAITING_ROWS + 1, true]);
});

describe('a drawn line', () => {
  const draw = (at: number[], values: number[], width: number, from = 0, to = 100) => {
    const ring = new RowRing(1000);
    ring.append(columns(at, { a: values }));
    const span = { from, to, width, value: (raw: number) => raw, periodMs: 1 };
    return decimate(ring, { column: ring.times, shift: 0, scale: 1 }, ring.column('a')!, ring.begin, ring.end, span);
  };

  test('has the lowest and the highest value of each pixel, in their order', () => {
    const at = Array.from({ length: 100 }, (_, n) => n);
    const { values } = draw(at, at.map((n) => (n === 13 ? 99 : n === 11 ? -5 : 0)), 10);
    expect(values.slice(2, 4)).toEqual([-5, 99]);
    expect(Math.max(...values.map((v) => v ?? -1))).toBe(99);
  });

  test('is broken where nothing came for longer than three periods, and nowhere else', () => {
    const at = [...Array.from({ length: 40 }, (_, n) => n), ...Array.from({ length: 40 }, (_, n) => 60 + n)];
    const { values, gaps } = draw(at, at.map(() => 1), 100);
    expect(gaps).toEqual([{ from: 39, to: 60 }]);
    expect(values.indexOf(null)).toBe(80);
    const whole = draw([0, 2, 4, 6], [1, 1, 1, 1], 100);
    expect(whole.gaps).toEqual([]);
    expect(whole.values).not.toContain(null);
  });

  test('tells its value at a place, and none in a gap', () => {
    const grid = gridOf(0, 100, 100);
    const { values, gaps } = draw([0, 1, 2, 3, 50, 51, 52], [5, 5, 5, 5, 9, 9, 9], 100);
    expect([2, 51].map((x) => valueAt(grid, values, x, gaps))).toEqual([5, 9]);
    expect([3.2, 4.2, 25, 49.5].map((x) => valueAt(grid, values, x, gaps))).toEqual([null, null, null, null]);
  });
});
