import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { signal } from '@preact/signals';
import { StackView, TableChip } from '../../charts/stack_view';
import { fieldsOf, fieldsVersion, thrift } from '../../data/cars';
import { standings } from '../../data/race';
import { channelOf, firstChannels } from '../../model/channels';
import { clock, name as shownName, percent } from '../../model/format';
import type { TrackLine } from '../../model/messages';
import { isLive, isPlaying, pause, goLive, playSpeed, viewTime } from '../../state/watch';
import { listParam, param, setParams } from '../../state/url';
import { colourOf } from '../../ui/colours';
import { Check, Chip, Empty, Menu, Panel, Swatch, Name } from '../../ui/parts';
import { useShortcuts } from '../../ui/shortcuts';
import { chosenCars, toggleCar, type Race } from './race_choice';
import type { Axis, TraceSource } from './trace_source';

const MOST_CHANNELS = 10;
const SPANS = [10, 30, 60, 120];
/** With every other frame at most: nobody sees more of a line. */
const DRAW_EVERY_MS = 25;

/** Where somebody points: a distance on the lap, or seconds before the moment that is looked at. */
export const tracePointer = signal<{ axis: Axis; x: number } | null>(null);

export function Traces(props: { race: Race; line: TrackLine | undefined; hasLaps: boolean; source: TraceSource }) {
  const { race, source } = props;
  const [zoom, setZoom] = useState<readonly [number, number] | undefined>(undefined);
  const [asTable, setTable] = useState(false);
  const drawn = useRef('');
  const [known, setKnown] = useState<string[]>([]);
  const cars = chosenCars.value;
  const axis: Axis = props.hasLaps && param('by') !== 'time' ? 'distance' : 'time';
  const spanS = Number(param('span') ?? '60');
  const chosen = listParam('channels');
  const channels = chosen.length > 0 ? chosen.slice(0, MOST_CHANNELS) : firstChannels(known);

  // Which channels there are changes seldom: not asked with each frame.
  useEffect(() => {
    const look = () => setKnown((old) => {
      const now = race.live ? fieldsOf(race.track, cars) : source.fields(race, cars);
      const next = now.length > 0 ? now : source.fields(race, cars);
      return next.length === 0 || next.join() === old.join() ? old : next;
    });
    look();
    const timer = setInterval(look, 500);
    return () => clearInterval(timer);
  }, [race.track, race.session, race.live, cars.join('\n'), fieldsVersion.value]);
  useEffect(() => {
    drawn.current = '';
  });
  useEffect(() => setZoom(undefined), [axis, race.track, race.session, spanS]);

  const lines = useMemo(() => cars.map((chassis, index) => ({ key: chassis, label: chassis, colour: colourOf(index) })), [cars.join('\n')]);
  useShortcuts('traces', [
    { keys: '0', key: '0', does: 'Show all of the lap, or of the last seconds, again', run: () => setZoom(undefined) },
    { keys: 'd', key: 'd', does: 'Traces by distance, or by time', run: () => setParams({ by: axis === 'distance' ? 'time' : undefined }) },
    { keys: '← →', key: ['ArrowLeft', 'ArrowRight'], does: 'Move the cursor through all traces', run: (event) => moveCursor(event.key === 'ArrowLeft' ? -1 : 1, axis, spanS, props.line) },
  ]);

  const draw = (width: number, all: boolean) => {
    const atMs = viewTime();
    if (!Number.isFinite(atMs) || cars.length === 0) return null;
    // By time the picture moves a pixel at a time; by distance it changes only with what comes.
    const moved = axis === 'time' ? Math.floor((atMs * width) / (spanS * 1000)) : isLive.value ? 0 : Math.round(atMs / 20);
    const picture = `${source.version(race, cars)} ${moved}`;
    if (!all && picture === drawn.current) return null;
    drawn.current = picture;
    const drawing = source.draw({
      race, cars, channels, axis, spanS, atMs, width, zoom, speed: isPlaying.value ? playSpeed.value : isLive.value ? 1 : 0,
      lengthM: props.line?.length_m,
    });
    return { ...drawing, stale: source.stale(race, cars, atMs), axis: axis === 'distance' ? 'm' : isLive.value ? 'now' : Math.round(atMs / 200) };
  };
  const tools = (
    <>
      <span class="chips">
        {lines.map((line) => (
          <button type="button" class="chip" key={line.key} title={`Take ${shownName(line.key)} off`} onClick={(event) => takeOff(event.currentTarget, line.key)}>
            <Swatch colour={line.colour} /><Name text={line.key} /><LineTruth race={race} chassis={line.key} /><span aria-hidden="true" class="muted">×</span>
          </button>
        ))}
      </span>
      <ChannelMenu known={known} channels={channels} />
      <span class="grow" />
      {props.hasLaps && <Chip on={axis === 'distance'} onClick={() => setParams({ by: undefined })}>Distance</Chip>}
      {props.hasLaps && <Chip on={axis === 'time'} onClick={() => setParams({ by: 'time' })}>Time</Chip>}
      {axis === 'time' && (
        <select aria-label="How much time" value={String(spanS)} onChange={(event) => setParams({ span: event.currentTarget.value === '60' ? undefined : event.currentTarget.value })}>
          {SPANS.map((span) => <option key={span} value={String(span)}>{span} s</option>)}
        </select>
      )}
      {zoom && <Chip on onClick={() => setZoom(undefined)} title="Show all (0)">Zoomed ×</Chip>}
      {thrift.value > 0 && <span class="slow" title="This line is slow">thinned out</span>}
      <TableChip on={asTable} set={setTable} />
      <button type="button" data-testid="pause" onClick={() => (isLive.value || isPlaying.value ? pause() : goLive())}>
        {isLive.value || isPlaying.value ? 'Pause' : 'Live'}
      </button>
    </>
  );
  const xText = axis === 'distance' ? (x: number) => `${Math.round(x).toLocaleString('en-US')} m`
    : (x: number) => (isLive.value ? (x === 0 ? 'now' : `${Number(x.toFixed(1))} s`) : clock(viewTime() + x * 1000));
  return (
    <Panel title="Traces" class="traces-panel" tools={tools}>
      {cars.length === 0 ? <Empty title="Nothing is chosen"><p>Choose up to eight in the list beside: their channels are drawn here, above each other.</p></Empty>
        : <StackView testId="trace" channels={channels} lines={lines} xText={xText} xLabel={axis === 'distance' ? 'Distance' : 'Time'} draw={draw}
            label={`${channels.map((field) => channelOf(field).label).join(', ')} of ${cars.map(shownName).join(', ')}`}
            everyMs={DRAW_EVERY_MS} asTable={asTable}
            cursor={tracePointer.value?.axis === axis ? tracePointer.value.x : null}
            onCursor={(x) => (tracePointer.value = x === null ? null : { axis, x })}
            onZoom={(from, to) => setZoom([from, to])} onZoomReset={() => setZoom(undefined)} />}
    </Panel>
  );
}

/** The focus goes to the next car, or to the list of channels, and not to nowhere. */
function takeOff(chip: HTMLElement, chassis: string): void {
  const next = chip.nextElementSibling ?? chip.previousElementSibling ?? chip.closest('header')?.querySelector('.menu button');
  toggleCar(chassis);
  if (next instanceof HTMLElement) next.focus();
}

/** The share of a car's samples of the last minute that came, where they have numbers. */
function LineTruth(props: { race: Race; chassis: string }) {
  const loss = standings.value.get(props.race.track)?.cars.find((car) => car.chassis === props.chassis)?.loss ?? null;
  if (loss === null || !props.race.live) return null;
  return <span class={`truth ${loss === 0 ? 'good' : loss > 0.02 ? 'bad' : 'slow'}`} title={`${percent(loss)} of its samples of the last minute did not come`}>{percent(1 - loss)}</span>;
}

function moveCursor(direction: number, axis: Axis, spanS: number, line: TrackLine | undefined): void {
  const [from, to, step] = axis === 'distance' ? [0, line?.length_m ?? 4000, 10] : [-spanS, 0, spanS / 200];
  const now = tracePointer.value?.axis === axis ? tracePointer.value.x : direction > 0 ? from : to;
  tracePointer.value = { axis, x: Math.min(Math.max(now + direction * step, from), to) };
}

function ChannelMenu(props: { known: string[]; channels: string[] }) {
  const { known, channels } = props;
  const toggle = (field: string, on: boolean) => setParams({ channels: on ? [...channels, field] : channels.filter((name) => name !== field) });
  return (
    <Menu label="Channels" title="Channels to draw" testId="channels">
      {[...new Set([...channels, ...known])].map((field) => (
        <Check key={field} on={channels.includes(field)} disabled={!channels.includes(field) && channels.length >= MOST_CHANNELS}
          onChange={(on) => toggle(field, on)}>
          {shownName(channelOf(field).label)} {channelOf(field).label !== field && <span class="faint">{shownName(field)}</span>}
        </Check>
      ))}
    </Menu>
  );
}
