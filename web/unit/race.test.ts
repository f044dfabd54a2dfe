import { describe, expect, test } from 'vitest';
import type { Comparison, Lap } from '../src/model/messages';
import { orderFromLaps } from '../src/views/live/race_choice';
import { cornersOf, miniSectorsOf } from '../src/views/compare/corners';
import { referenceOf, runningDelta } from '../src/data/running_delta';
import { RowRing } from '../src/data/rows';
import { firstChannels, channelOf } from '../src/model/channels';
import { ShownChannel } from '../src/state/settings';

const lapOf = (chassis: string, lap: number, startS: number, endS: number, more: Partial<Lap> = {}): Lap => ({
  id: `s-${chassis}-${lap}`, session: 's', track: 't', chassis, lap, started: new Date(startS * 1000).toISOString(), ended: new Date(endS * 1000).toISOString(),
  lap_time_s: endS - startS, sector_times_s: null, complete: true, valid: true, pit_in: false, pit_out: false, compound: null, official: false, points: 10,
  missing: 0, duplicates: 0, longest_gap_s: 0, discarded: 0, max_speed_kmh: null, best: null, revision: 1, part: null, rewound: false, channels: [], ...more,
});

describe('the order that laps tell', () => {
  const laps = [lapOf('a', 1, 0, 100), lapOf('a', 2, 100, 199), lapOf('b', 1, 1, 103), lapOf('b', 2, 103, 201), lapOf('c', 1, 2, 150)];

  test('goes by crossings of the line, with gaps at the last of them', () => {
    const order = orderFromLaps(laps, 120_000);
    expect(order.rows.map((row) => [row.chassis, row.lap, row.gapAheadS])).toEqual([['a', 2, null], ['b', 2, 3], ['c', 1, 1]]);
    expect(order.rows[0]!.lastLapS).toBe(100);
    expect(order.atLine).toBe(true);
  });

  test('knows nothing that had not happened', () => {
    const order = orderFromLaps(laps, 50_000);
    expect(order.rows.map((row) => [row.chassis, row.lastLapS, row.bestLapS])).toEqual([['a', null, null], ['b', null, null], ['c', null, null]]);
    expect(orderFromLaps(laps, -1).rows).toEqual([]);
  });
});

/** A lap at a constant speed but for two dips; the second lap is slower in the first of them. */
function compared(): Comparison {
  const x = Array.from({ length: 201 }, (_, n) => n * 5);
  const speed = (at: number, slow: number) => 200 - 120 * Math.exp(-(((at - 300) / 60) ** 2)) - slow * Math.exp(-(((at - 300) / 60) ** 2)) - 90 * Math.exp(-(((at - 700) / 60) ** 2));
  const laps = [0, 10].map((slow, index) => ({
    id: `l${index}`, chassis: 'a', lap: index, lap_time_s: 20 + index * 0.4, fields: { speed_kmh: x.map((at) => speed(at, slow)) },
    delta_s: x.map((at) => (index === 0 ? 0 : at < 200 ? 0 : at > 400 ? 0.4 : (0.4 * (at - 200)) / 200)),
  }));
  return { x, x_unit: 'm', laps };
}

test('corners are the dips of the first lap, with what was lost in each', () => {
  const corners = cornersOf(compared());
  expect(corners.map((corner) => corner.atM)).toEqual([300, 700]);
  expect(corners[0]!.minimum.map((v) => Math.round(v!))).toEqual([80, 70]);
  expect(corners[0]!.lostS[1]).toBeCloseTo(0.4, 9);
  expect(corners[1]!.lostS[1]).toBeCloseTo(0, 9);
});

test('pieces of the lap add up to the delta at its end, and name who was faster', () => {
  const pieces = miniSectorsOf(compared());
  expect(pieces).toHaveLength(25);
  expect(pieces.reduce((sum, piece) => sum + piece.lostS[1]!, 0)).toBeCloseTo(0.4, 9);
  expect(new Set(pieces.map((piece) => piece.fastest))).toEqual(new Set([undefined, 0]));
});

test('the running delta is what a lap at another pace is behind', () => {
  const metresPerS = 50;
  const trace = { x: Array.from({ length: 1001 }, (_, n) => n * 0.02), fields: { lapdist_m: Array.from({ length: 1001 }, (_, n) => n * 0.02 * metresPerS) } };
  const reference = referenceOf(trace)!;
  const ring = new RowRing(4000);
  // The line is crossed at 10.013 s; from there on it is 2 % slower.
  for (let n = 0; n < 700; n++) {
    const t = n * 0.04;
    const distance = t < 10.013 ? 1000 - (10.013 - t) * metresPerS : (t - 10.013) * metresPerS * 0.98;
    ring.append({ length: 1, times: Float64Array.of(t * 1000), names: ['lapdist_m'], figures: [Float64Array.of(distance)], texts: {} });
  }
  const elapsed = 699 * 0.04 - 10.013;
  expect(runningDelta(ring, reference)).toBeCloseTo(elapsed * 0.02, 3);
});

test('channels have names, units and the viewer’s choice of them', () => {
  expect(firstChannels(['lat', 'rpm', 'aps', 'speed_kmh', 'lapdist_m'])).toEqual(['speed_kmh', 'aps', 'rpm']);
  expect(channelOf('tyre_temp_fl_c')).toMatchObject({ label: 'Tyre temp FL', unit: '°C' });
  expect(channelOf('__proto__').label).toBe('__proto__');
  const us = { theme: 'system', speed: 'mph', temperature: '°F', pressure: 'psi' } as const;
  expect(new ShownChannel(channelOf('speed_kmh'), us).text(160.9344)).toBe('100.0');
  expect(new ShownChannel(channelOf('tyre_temp_fl_c'), us).text(100)).toBe('212');
  expect(new ShownChannel(channelOf('throttle'), us).text(0.5)).toBe('50');
});

test('latency is told as the bound that a share of the last observations kept', async () => {
  const { bound, histogramsOf, since } = await import('../src/data/metrics');
  const page = (a: number, b: number, c: number) => `# HELP x_seconds y\nx_seconds_bucket{le="0.001"} ${a}\nx_seconds_bucket{le="0.01"} ${b}\nx_seconds_bucket{le="+Inf"} ${c}\nother_bucket{le="1"} 5\n`;
  const before = histogramsOf(page(100, 100, 100), ['x_seconds']).get('x_seconds')!;
  const now = histogramsOf(page(150, 199, 200), ['x_seconds']).get('x_seconds')!;
  expect(bound(since(now, before), 0.5)).toBe(0.001);
  expect(bound(since(now, before), 0.99)).toBe(0.01);
  expect(bound(since(now, now), 0.5)).toBeNaN();
});
