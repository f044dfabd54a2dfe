import type { Drawn, Gap } from './decimate';

/** Between two points of a line there may be so many places of the grid that have nothing. */
const REACH = 60;

/** The value of a drawn line at `x`: that of the nearest place of the grid that has one; null in a gap. */
export function valueAt(grid: Float64Array, values: Drawn, x: number, gaps: readonly Gap[] = []): number | null {
  if (grid.length === 0 || gaps.some((gap) => x > gap.from && x < gap.to)) return null;
  let low = 0;
  let high = grid.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (grid[middle]! < x) low = middle + 1;
    else high = middle;
  }
  for (let away = 0; away <= REACH; away++) {
    for (const at of [low - away, low + away]) {
      const value = at >= 0 && at < values.length ? values[at] : undefined;
      if (value !== undefined && value !== null) return value;
    }
  }
  return null;
}
