import type { Rows } from '../data/rows';

const POINTS = 80;

/** The last values of a field, small, between its lowest and its highest one. `version`: rows change in their place. */
export function Sparkline(props: { rows: Rows; field: string; version: number }) {
  const { rows, field } = props;
  const column = rows.column(field);
  const values: number[] = [];
  for (let row = Math.max(rows.begin, rows.end - POINTS); column && row < rows.end; row++) if (!Number.isNaN(column[row]!)) values.push(column[row]!);
  return <Line values={values} />;
}

export function Line(props: { values: readonly number[]; fromZero?: boolean }) {
  const { values } = props;
  if (values.length < 2) return <svg class="sparkline" viewBox="0 0 100 24" aria-hidden="true" />;
  const low = props.fromZero ? 0 : Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const points = values.map((value, at) => `${((100 * at) / (values.length - 1)).toFixed(1)},${(23 - (22 * (value - low)) / span).toFixed(1)}`);
  return <svg class="sparkline" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true"><polyline points={points.join(' ')} /></svg>;
}
