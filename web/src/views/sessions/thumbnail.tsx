import type { TrackLine } from '../../model/messages';

const SIZE = 64;

/** A track's line, small; an empty frame where nobody knows it. */
export function Thumbnail(props: { line: TrackLine | undefined }) {
  const line = props.line?.line ?? [];
  const flip = props.line?.frame === 'world' ? 1 : -1;
  if (line.length < 2) return <span class="thumbnail" aria-hidden="true" />;
  const xs = line.map(([x]) => x);
  const ys = line.map(([, y]) => y * flip);
  const [minX, maxX, minY, maxY] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = (SIZE - 8) / Math.max(maxX - minX, maxY - minY, 1);
  const step = Math.max(1, Math.floor(line.length / 200));
  const points = line.filter((_, node) => node % step === 0)
    .map(([x, y]) => `${((x - (minX + maxX) / 2) * scale + SIZE / 2).toFixed(1)},${((y * flip - (minY + maxY) / 2) * scale + SIZE / 2).toFixed(1)}`);
  return (
    <svg class="thumbnail" viewBox={`0 0 ${SIZE} ${SIZE}`} aria-hidden="true">
      <polygon points={points.join(' ')} />
    </svg>
  );
}
