import { useEffect, useRef } from 'preact/hooks';
import { TrackMap, type MapDot } from '../charts/track_map';
import { useTrackLine } from '../data/track_line';
import { name as shownName } from '../model/format';
import { useFrames } from '../ui/ticks';
import { Movement, MOVES_BEHIND_MS } from '../views/live/movement';
import type { OverlayProps } from './overlay';
import { shownOrder } from './shown_race';

export function MapOverlay({ asked }: OverlayProps) {
  const order = shownOrder.value;
  const canvas = useRef<HTMLCanvasElement>(null);
  const map = useRef<TrackMap | undefined>(undefined);
  const movement = useRef(new Movement());
  const line = useTrackLine(order?.track, order?.session ?? undefined, 20_000);
  useEffect(() => {
    map.current = new TrackMap(canvas.current!, () => undefined);
    return () => map.current?.destroy();
  }, []);
  useEffect(() => map.current?.setLine(line), [line]);
  useEffect(() => {
    if (order && map.current) movement.current.hearOrder(order, map.current, performance.now());
  }, [order]);
  useFrames(() => {
    const chosen = asked.get('chassis');
    const dots: MapDot[] = [];
    for (const [chassis, x, y, stale] of movement.current.places(performance.now() - MOVES_BEHIND_MS)) {
      dots.push({ key: chassis, label: shownName(chassis), x, y, stale, colour: chosen === null || chosen === chassis ? '--c1' : undefined });
    }
    map.current?.draw(dots);
  }, []);
  return (
    <div class="over-map">
      <canvas ref={canvas} role="img" aria-label="Map" />
      <ul class="visually-hidden">{(order?.cars ?? []).map((car) => <li key={car.chassis} data-testid="map-car">{shownName(car.chassis)}</li>)}</ul>
    </div>
  );
}
