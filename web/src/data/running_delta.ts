import type { Trace } from '../model/messages';
import type { Rows } from './rows';

/** When a lap was where: seconds since its beginning, by distance, both rising. */
export interface ReferenceLap {
  distances: number[];
  seconds: number[];
}

/** Of a trace by time with `lapdist_m`; distances that do not go forward are passed over. */
export function referenceOf(trace: Pick<Trace, 'x' | 'fields'>): ReferenceLap | undefined {
  const column = trace.fields.lapdist_m ?? [];
  const distances: number[] = [];
  const seconds: number[] = [];
  trace.x.forEach((at, row) => {
    const distance = column[row];
    if (at === null || distance === null || distance === undefined) return;
    if (distances.length > 0 && distance <= distances[distances.length - 1]!) return;
    distances.push(distance);
    seconds.push(at);
  });
  return distances.length > 1 ? { distances, seconds } : undefined;
}

function secondsAt(reference: ReferenceLap, distance: number): number | undefined {
  const { distances, seconds } = reference;
  if (distance < distances[0]! || distance > distances[distances.length - 1]!) return undefined;
  let low = 0;
  let high = distances.length - 1;
  while (low + 1 < high) {
    const middle = (low + high) >> 1;
    if (distances[middle]! <= distance) low = middle;
    else high = middle;
  }
  const span = distances[high]! - distances[low]!;
  return seconds[low]! + ((seconds[high]! - seconds[low]!) * (distance - distances[low]!)) / span;
}

/** The distance falls by at least so much where a lap begins. */
const FALL_M = 200;

/**
 * How many seconds the running lap is behind the reference where the machine is now; undefined: its beginning, or the place in the
 * reference, is not known. The crossing of the line is put between the points around it, by the speed that their distances tell.
 */
export function runningDelta(rows: Rows, reference: ReferenceLap): number | undefined {
  const column = rows.column('lapdist_m');
  if (!column) return undefined;
  let newest = rows.end - 1;
  while (newest >= rows.begin && Number.isNaN(column[newest]!)) newest--;
  if (newest < rows.begin) return undefined;
  let first = newest;
  for (let row = newest - 1; row >= rows.begin; row--) {
    if (Number.isNaN(column[row]!)) continue;
    if (column[row]! > column[first]! + FALL_M) {
      const crossed = crossing(rows, column, first, newest);
      const there = secondsAt(reference, column[newest]!);
      return crossed === undefined || there === undefined ? undefined : (rows.times[newest]! - crossed) / 1000 - there;
    }
    first = row;
  }
  return undefined;
}

/** When the line was crossed before row `first`, by the speed of the next rows. */
function crossing(rows: Rows, column: Float64Array, first: number, newest: number): number | undefined {
  const next = Math.min(first + 5, newest);
  const metres = column[next]! - column[first]!;
  const ms = rows.times[next]! - rows.times[first]!;
  if (!(metres > 0) || !(ms > 0)) return undefined;
  return rows.times[first]! - (column[first]! * ms) / metres;
}
