import { useEffect, useRef, useState } from 'preact/hooks';
import { TrackMap, type MapDot } from '../../charts/track_map';
import { rowsOf } from '../../data/cars';
import { drivenPlaces, placingOf, PLACE_FIELDS } from '../../data/places';
import { laps, standings } from '../../data/race';
import { figureAt, MOST_RECORDED_CARS, Recording } from '../../data/recorded';
import type { TrackLine } from '../../model/messages';
import { name as shownName } from '../../model/format';
import { delayS, isLive, isPlaying, playSpeed, viewTime } from '../../state/watch';
import { formatRoute, route, type View } from '../../state/url';
import { settings } from '../../state/settings';
import { colourOf } from '../../ui/colours';
import { Panel } from '../../ui/parts';
import { useFrames } from '../../ui/ticks';
import { Movement, MOVES_BEHIND_MS } from './movement';
import { chosenCars, type Race } from './race_choice';
import type { TraceSource } from './trace_source';
import { tracePointer } from './traces';

/** A dot moves about a pixel in this time. */
const DRAW_EVERY_MS = 33;
const TELL_EVERY_MS = 500;

export function MapPanel(props: { race: Race; line: TrackLine | undefined; source: TraceSource }) {
  const { race, line, source } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const map = useRef<TrackMap | undefined>(undefined);
  const movement = useRef(new Movement());
  const recording = useRef<Recording | undefined>(undefined);
  const drivenVersion = useRef(-1);
  const moving = isLive.value && delayS.value === 0 && race.live;

  useEffect(() => {
    map.current = new TrackMap(canvas.current!, () => undefined);
    return () => {
      map.current?.destroy();
      recording.current?.close();
    };
  }, []);
  useEffect(() => {
    map.current?.setLine(line);
    movement.current = new Movement();
    drivenVersion.current = -1;
  }, [line, race.track, settings.value.theme]);
  useEffect(() => {
    const order = standings.value.get(race.track);
    if (!order || !moving) return;
    if (map.current) movement.current.hearOrder(order, map.current, performance.now());
  }, [standings.value.get(race.track), moving]);

  /** Where no line is known yet: what the chosen cars drove. */
  const drawDriven = (dots: MapDot[]) => {
    const places = chosenCars.value.flatMap((chassis, index) => {
      const rows = rowsOf(race.track, chassis);
      const placing = rows && placingOf(rows, line);
      if (!rows || !placing) return [];
      const driven = drivenPlaces(rows, placing);
      const last = driven[driven.length - 1];
      if (last) dots.push({ key: chassis, label: shownName(chassis), x: last[0], y: last[1], colour: colourOf(index) });
      return driven;
    });
    const second = Math.floor(performance.now() / 1000);
    if (second !== drivenVersion.current) {
      drivenVersion.current = second;
      map.current?.setLine(undefined, places);
    }
  };

  /** Where the chosen cars were at the moment that somebody points at. */
  const pointedByTime = (dots: MapDot[], secondsBefore: number) => {
    const atMs = viewTime() + secondsBefore * 1000;
    chosenCars.value.forEach((chassis, index) => {
      const rows = source.rows(race, chassis, atMs, atMs, 0);
      const placing = rows && placingOf(rows, line);
      if (!rows || !placing) return;
      const [a, b] = placing.columns.map((column) => figureAt(rows, column, atMs));
      if (Number.isNaN(a!) || Number.isNaN(b!)) return;
      const [x, y] = placing.plane(a!, b!);
      dots.push({ key: `cursor ${chassis}`, label: '', x, y, colour: colourOf(index) });
    });
  };

  const recorded = (dots: MapDot[]) => {
    if (race.session === undefined) return;
    if (recording.current?.session !== race.session) {
      recording.current?.close();
      recording.current = new Recording(race.session, fieldsOfLaps());
    }
    const atMs = viewTime();
    const speed = isPlaying.value ? playSpeed.value : isLive.value ? 1 : 0;
    for (const chassis of drawnCars()) {
      const rows = recording.current.rows(chassis, atMs - 2000, atMs + 2000, speed);
      const placing = placingOf(rows, line);
      if (!placing) continue;
      const [a, b] = placing.columns.map((column) => figureAt(rows, column, atMs));
      if (Number.isNaN(a!) || Number.isNaN(b!)) continue;
      const [x, y] = placing.plane(a!, b!);
      dots.push(dotOf(chassis, x, y, false));
    }
  };

  // The same in words, for those who do not see it: what is drawn, twice a second.
  const [told, setTold] = useState<readonly MapDot[]>([]);
  const toldAt = useRef(-Infinity);
  const tellDots = (dots: readonly MapDot[]) => {
    const now = performance.now();
    if (now - toldAt.current < TELL_EVERY_MS) return;
    toldAt.current = now;
    setTold(dots.filter((dot) => dot.label !== ''));
  };

  useFrames(() => {
    const shown = map.current;
    if (!shown) return;
    const dots: MapDot[] = [];
    if (!moving) recorded(dots);
    else if (!line || line.line.length < 2) drawDriven(dots);
    else for (const [chassis, x, y, stale] of movement.current.places(performance.now() - MOVES_BEHIND_MS)) dots.push(dotOf(chassis, x, y, stale));
    const pointed = tracePointer.value;
    if (pointed?.axis === 'distance') {
      const place = shown.placeOf(pointed.x);
      if (place) dots.push({ key: 'cursor', label: '', x: place[0], y: place[1], colour: '--text' });
    }
    if (pointed?.axis === 'time') pointedByTime(dots, pointed.x);
    shown.draw(dots);
    tellDots(dots);
  }, [race.track, race.session, moving, line, chosenCars.value.join('\n'), settings.value.theme], DRAW_EVERY_MS);

  return (
    <Panel title="Map" class="map-panel" tools={<>
      <span class="grow" />
      {laps.value.size > 0 && !moving && drawnCars().length === MOST_RECORDED_CARS && <span class="muted">{MOST_RECORDED_CARS} cars at most</span>}
      <a class="chip" href={route.value.view === 'map' ? mapLink('live') : mapLink('map')} data-testid="map-alone">{route.value.view === 'map' ? 'All panels' : 'Enlarge'}</a>
    </>}>
      <div class="map">
        <canvas ref={canvas} role="img" aria-label={`Map of ${shownName(race.track)} with ${told.length} cars`} />
        {!line && <p class="map-note muted">The track is drawn once a whole lap with positions was driven.</p>}
        {line?.frame === 'none' && <p class="map-note muted">Nobody tells positions here, so there is no map.</p>}
        {line && <p class="map-note faint" title="Laps that the line was learned from">{Math.round(line.length_m).toLocaleString('en-US')} m</p>}
        <ul class="visually-hidden" aria-label="Cars on the map">
          {told.map((dot) => (
            <li key={dot.key} data-testid="map-car" data-chassis={dot.key} data-x={dot.x.toFixed(1)} data-y={dot.y.toFixed(1)}>
              {dot.label}{dot.stale ? ', silent' : ''}
            </li>
          ))}
        </ul>
      </div>
    </Panel>
  );
}

/** The same choices in the other view. */
function mapLink(view: View): string {
  return formatRoute({ ...route.value, view });
}

/** The chosen cars first; more than a recording keeps at a time are not drawn. */
function drawnCars(): string[] {
  return [...new Set([...chosenCars.value, ...[...laps.value.values()].map((lap) => lap.chassis)])].slice(0, MOST_RECORDED_CARS);
}

function dotOf(chassis: string, x: number, y: number, stale: boolean): MapDot {
  const index = chosenCars.value.indexOf(chassis);
  return { key: chassis, label: shownName(chassis), x, y, colour: index < 0 ? undefined : colourOf(index), stale };
}

/** The fields of places that these laps have: naming others would be refused. */
function fieldsOfLaps(): string[] | undefined {
  const known = new Set([...laps.value.values()].flatMap((lap) => lap.channels));
  const fields = PLACE_FIELDS.filter((field) => known.has(field));
  return fields.length > 0 ? fields : undefined;
}
