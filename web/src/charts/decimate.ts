import type { Rows } from '../data/rows';

/** One line of a chart on the chart's grid: a value, undefined where nothing is between two values, null where a gap is. */
export type Drawn = (number | null | undefined)[];

/** From where to where a line's machine told nothing for longer than its period explains. */
export interface Gap { from: number; to: number }

/** Beyond so many periods between two points nobody knows what was between: no line is drawn there. */
const GAP_PERIODS = 3;

/**
 * The grid of a chart `width` pixels wide: two places a pixel, at one and three quarters of it, for the lowest and the highest value in the
 * order in which they came, as the server's traces have it: no peak is lost, however many points there are.
 */
export function gridOf(from: number, to: number, width: number): Float64Array {
  const grid = new Float64Array(2 * width);
  const step = (to - from) / width;
  for (let bucket = 0; bucket < width; bucket++) {
    grid[2 * bucket] = from + (bucket + 0.25) * step;
    grid[2 * bucket + 1] = from + (bucket + 0.75) * step;
  }
  return grid;
}

export interface Line {
  values: Drawn;
  gaps: Gap[];
}

/** What a line runs along: `column` of its rows, less `shift`, times `scale`. */
export interface Along { column: ArrayLike<number>; shift: number; scale: number }

interface Span { from: number; to: number; width: number; value: (raw: number) => number; periodMs: number }

/**
 * `column` along `axis` (both of `rows`, from row `begin` to before `end`), on the grid of `span`. Rows without a figure or a place are passed
 * over; where the times of two rows are further apart than the machine's period explains there is a gap.
 */
export function decimate(
  rows: Rows, axis: Along, column: ArrayLike<number>, begin: number, end: number, span: Span,
): Line {
  const { from, to, width } = span;
  const { column: places, shift, scale } = axis;
  const values: Drawn = new Array<number | null | undefined>(2 * width);
  const gaps: Gap[] = [];
  const perBucket = width / (to - from);
  const longest = Number.isNaN(span.periodMs) ? Infinity : Math.max(GAP_PERIODS * span.periodMs, 1);
  let bucket = -1;
  let low = 0, high = 0, lowRow = 0, highRow = 0;
  let lastTime = NaN;
  let lastPlace = NaN;

  const write = () => {
    if (bucket < 0) return;
    values[2 * bucket] = lowRow <= highRow ? low : high;
    values[2 * bucket + 1] = lowRow <= highRow ? high : low;
  };
  for (let row = begin; row < end; row++) {
    const raw = column[row]!;
    const place = (places[row]! - shift) * scale;
    if (Number.isNaN(raw) || Number.isNaN(place)) continue;
    const time = rows.times[row]!;
    const at = Math.floor((place - from) * perBucket);
    if (time - lastTime > longest) {
      gaps.push({ from: lastPlace, to: place });
      breakLine(values, Math.floor((lastPlace - from) * perBucket), at, width);
    }
    lastTime = time;
    lastPlace = place;
    if (at < 0 || at >= width) continue;
    const value = span.value(raw);
    if (at !== bucket) {
      write();
      bucket = at;
      low = high = value;
      lowRow = highRow = row;
    } else if (value < low) {
      low = value;
      lowRow = row;
    } else if (value > high) {
      high = value;
      highRow = row;
    }
  }
  write();
  return { values, gaps };
}

/** A null between two places, so that no line joins them; of places that share a pixel there is no room for one, and nothing to see. */
function breakLine(values: Drawn, fromBucket: number, toBucket: number, width: number): void {
  for (let bucket = fromBucket + 1; bucket < toBucket; bucket++) {
    if (bucket < 0 || bucket >= width) continue;
    values[2 * bucket] = null;
    values[2 * bucket + 1] = null;
    return;
  }
}
