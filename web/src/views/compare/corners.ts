import type { Comparison } from '../../model/messages';

/** What a comparison tells about corners and pieces of the lap. Positions are metres along the track's line. */

export interface Corner {
  number: number;
  /** Where the first lap is slowest. */
  atM: number;
  fromM: number;
  toM: number;
  /** By lap: the lowest speed around the corner, and the speed where it ends; null where it is not known. */
  minimum: (number | null)[];
  exit: (number | null)[];
  /** Seconds that each lap lost to the first one there; null where it is not known. */
  lostS: (number | null)[];
}

export interface MiniSector {
  fromM: number;
  toM: number;
  /** By lap: seconds lost to the first lap there. */
  lostS: (number | null)[];
  /** The lap that was the fastest there; undefined: not known, or nobody by a thousandth. */
  fastest: number | undefined;
}

/** A dip of the speed counts as a corner from so many km/h on, on both sides of it. */
const DEPTH_KMH = 8;
/** How far behind the slowest place the exit is, if no other corner comes first. */
const EXIT_M = 80;
/** To either side of the first lap's slowest place others have theirs. */
const AROUND_M = 40;

/** Where the speed has its dips: minima that are deeper than what stands to both sides by DEPTH_KMH. */
function dips(speeds: readonly (number | null)[]): number[] {
  const out: number[] = [];
  let lowest: number | undefined;
  let highest = -Infinity;
  let falling = false;
  speeds.forEach((speed, at) => {
    if (speed === null) return;
    if (falling) {
      const low = speeds[lowest!]!;
      if (speed < low) lowest = at;
      else if (speed > low + DEPTH_KMH) {
        out.push(lowest!);
        falling = false;
        highest = speed;
      }
    } else {
      highest = Math.max(highest, speed);
      if (speed < highest - DEPTH_KMH) {
        falling = true;
        lowest = at;
      }
    }
  });
  return out;
}

function lowestWithin(x: readonly number[], values: readonly (number | null)[], fromM: number, toM: number): number | null {
  let low: number | null = null;
  x.forEach((place, at) => {
    const value = values[at] ?? null;
    if (value !== null && place >= fromM && place <= toM && (low === null || value < low)) low = value;
  });
  return low;
}

/** Straight between the places of the grid; null where one of them has none. */
export function at(x: readonly number[], values: readonly (number | null)[], place: number): number | null {
  let high = x.findIndex((each) => each >= place);
  if (high < 0) high = x.length - 1;
  const low = Math.max(high - 1, 0);
  const [a, b] = [values[low] ?? null, values[high] ?? null];
  if (a === null || b === null) return null;
  const span = x[high]! - x[low]!;
  return span > 0 ? a + ((b - a) * (Math.min(place, x[high]!) - x[low]!)) / span : b;
}

function lost(comparison: Comparison, fromM: number, toM: number): (number | null)[] {
  return comparison.laps.map((lap) => {
    const [before, behind] = [at(comparison.x, lap.delta_s, fromM), at(comparison.x, lap.delta_s, toM)];
    return before === null || behind === null ? null : behind - before;
  });
}

export function cornersOf(comparison: Comparison, field = 'speed_kmh'): Corner[] {
  const { x } = comparison;
  const first = comparison.laps[0]?.fields[field];
  if (!first || x.length === 0) return [];
  const slowest = dips(first).map((dip) => x[dip]!);
  return slowest.map((atM, index) => {
    const before = slowest[index - 1];
    const next = slowest[index + 1];
    const fromM = before === undefined ? 0 : (before + atM) / 2;
    const toM = next === undefined ? x[x.length - 1]! : (atM + next) / 2;
    const exitM = Math.min(atM + EXIT_M, toM);
    return {
      number: index + 1, atM, fromM, toM,
      minimum: comparison.laps.map((lap) => lowestWithin(x, lap.fields[field] ?? [], atM - AROUND_M, atM + AROUND_M)),
      exit: comparison.laps.map((lap) => at(x, lap.fields[field] ?? [], exitM)),
      lostS: lost(comparison, fromM, toM),
    };
  });
}

export function miniSectorsOf(comparison: Comparison, count = 25): MiniSector[] {
  const length = comparison.x[comparison.x.length - 1] ?? 0;
  return Array.from({ length: count }, (_, index) => {
    const [fromM, toM] = [(length * index) / count, (length * (index + 1)) / count];
    const lostS = lost(comparison, fromM, toM);
    const known = lostS.map((seconds, lap) => ({ seconds, lap })).filter((each) => each.seconds !== null);
    known.sort((a, b) => a.seconds! - b.seconds!);
    const clear = known.length > 1 && known[1]!.seconds! - known[0]!.seconds! >= 0.001;
    return { fromM, toM, lostS, fastest: clear ? known[0]!.lap : undefined };
  });
}
