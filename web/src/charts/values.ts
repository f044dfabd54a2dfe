import type { Drawn } from './decimate';

/** The value of a drawn line at `x`: that of the nearest place of the grid that has one within `reach` places; null in a gap. */
export function valueAt(grid: Float64Array, values: Drawn, x: number, reach = 40): number | null {
  if (grid.length === 0) return null;
  let low = 0;
  let high = grid.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (grid[middle]! < x) low = middle + 1;
    else high = middle;
  }
  for (let away = 0; away <= reach; away++) {
    for (const at of [low - away, low + away]) {
      const value = at >= 0 && at < values.length ? values[at] : undefined;
      if (value === null && away <= 1) return null;
      if (value !== undefined && value !== null) return value;
    }
  }
  return null;
}
