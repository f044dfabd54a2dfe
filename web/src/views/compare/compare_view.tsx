import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Gap, Line } from '../../charts/decimate';
import { StackView, TableChip } from '../../charts/stack_view';
import { lapsById } from '../../data/session_laps';
import { useTrackLine } from '../../data/track_line';
import { channelOf, firstChannels } from '../../model/channels';
import { delta, lapTime, name as shownName } from '../../model/format';
import type { Comparison, Lap } from '../../model/messages';
import { download, getJson, query } from '../../net/api';
import { useQuery } from '../../net/query';
import { ShownChannel } from '../../state/settings';
import { listParam, param, route, setParams } from '../../state/url';
import { colourOf } from '../../ui/colours';
import { Check, Chip, Empty, Menu, Name, Panel, Problem, Swatch, Truth } from '../../ui/parts';
import { place } from '../../ui/shell';
import { useShortcuts } from '../../ui/shortcuts';
import { cornersOf, miniSectorsOf } from './corners';
import { CornerTable } from './corner_table';
import { DeltaMap } from './delta_map';
import { LapPicker } from './lap_picker';
import { saveMcap } from './mcap';

export const MOST_LAPS = 6;
const STEP_M = 5;
const DELTA = 'delta_s';

/** Laps over each other by position on the track's line, and where the time went. */
export function CompareView() {
  const ids = listParam('laps').slice(0, MOST_LAPS);
  useEffect(() => {
    place.value = ids.length > 0 ? `compare ${ids.length} laps` : 'compare';
  }, [ids.length]);
  const laps = useQuery(ids.length > 0 ? `laps ${ids.join()}` : undefined, (abort) => lapsById(ids, abort));
  if (ids.length === 0) {
    return (
      <div class="view">
        <Empty title="Choose laps to compare" testId="compare-empty">
          <p>Two laps or more, at most six, of one track. <a href="#/laps">All laps of the session</a>, or choose here:</p>
          <LapPicker chosen={ids} />
        </Empty>
      </div>
    );
  }
  return <Compared ids={ids} laps={laps.data ?? []} />;
}

function Compared(props: { ids: string[]; laps: Lap[] }) {
  const { ids, laps } = props;
  const common = useMemo(() => [...new Set(laps.flatMap((lap) => lap.channels))].filter((field) => field !== 'lapdist_m'), [laps]);
  const chosen = listParam('fields').filter((field) => common.length === 0 || common.includes(field));
  const fields = chosen.length > 0 ? chosen : firstChannels(common);
  const asked = fields.length > 0 ? query({ laps: ids.join(), fields: [...new Set(['speed_kmh', ...fields])].filter((field) => common.includes(field)).join(), step: STEP_M }) : undefined;
  const comparison = useQuery(asked && laps.length > 0 ? `compare ${asked}` : undefined, (abort) => getJson<Comparison>(`/api/compare${asked}`, abort));
  const track = laps[0]?.track;
  const line = useTrackLine(track, laps[0]?.session);
  const [asTable, setTable] = useState(false);
  const cursor = numberParam('x');
  const second = numberParam('x2');
  const [pointed, setPointed] = useState<number | null>(null);
  const zoomText = route.value.params.get('zoom');
  const zoom = zoomText?.split(',').map(Number);
  const data = comparison.data;
  const corners = useMemo(() => (data ? cornersOf(data) : []), [data]);
  const pieces = useMemo(() => (data ? miniSectorsOf(data) : []), [data]);
  const length = data?.x[data.x.length - 1] ?? line?.length_m ?? 1;
  const at = pointed ?? cursor;

  useShortcuts('compare', [
    { keys: '0', key: '0', does: 'Show all of the lap again', run: () => setParams({ zoom: undefined }) },
    { keys: '← →', key: ['ArrowLeft', 'ArrowRight'], does: 'Move the cursor; with Shift ten times as far', run: (event) => {
      const step = (event.key === 'ArrowLeft' ? -1 : 1) * (event.shiftKey ? 10 : 1) * STEP_M;
      setPointed(null);
      setParams({ x: String(Math.round(Math.min(Math.max((at ?? 0) + step, 0), length))) });
    } },
    { keys: 's', key: 's', does: 'Put the second cursor where the first one is', run: () => setParams({ x2: second === null && at !== null ? String(Math.round(at)) : undefined }) },
    { keys: 'Shift click', key: [], does: 'Put the second cursor there', run: () => undefined },
  ]);

  const lines = ids.map((id, index) => {
    const lap = laps.find((known) => known.id === id);
    return { key: id, label: lap ? `${lap.chassis} lap ${lap.lap}` : id, colour: colourOf(index) };
  });
  const channels = [fields[0] ?? 'speed_kmh', DELTA, ...fields.slice(1)];
  const version = useMemo(() => ({}), [data, zoomText, channels.join()]);
  const draw = () => {
    if (!data) return null;
    const grid = Float64Array.from(data.x);
    const [from, to] = zoom?.length === 2 && zoom.every(Number.isFinite) ? [zoom[0]!, zoom[1]!] : [0, length];
    return { grid, lines: channels.map((field) => data.laps.map((lap) => lineOf(data, lap, field))), from, to };
  };
  const ending = data?.laps.map((lap) => lap.delta_s[lap.delta_s.length - 1] ?? null) ?? [];
  const corner = at === null ? undefined : corners.find((each) => at >= each.fromM && at < each.toM);
  return (
    <div class="view compare">
      <div class="chosen-laps" role="group" aria-label="Laps that are compared">
        {ids.map((id, index) => <LapChip key={id} id={id} lap={laps.find((known) => known.id === id)} colour={colourOf(index)} first={index === 0} ids={ids} />)}
        {ids.length < MOST_LAPS && <Menu label="+ lap" title="Another lap" testId="add-lap"><LapPicker chosen={ids} track={track} /></Menu>}
        <span class="grow" />
        <span class="kpi" data-testid="compare-delta" data-delta={ending[1] ?? ''} title="Behind the first lap at the line; below zero: ahead of it">
          <b class={tone(ending[1])}>{delta(ending[1])}</b><span>{lines[1] && <><Swatch colour={lines[1].colour} /> <Name text={lines[1].label} /> </>}s at the line</span>
        </span>
        <button type="button" disabled={!data} onClick={() => void download(`/api/compare${asked}`, `compare-${ids.length}-laps.csv`)}>CSV</button>
        <button type="button" disabled={laps.length === 0} title="The points of these laps, in the channels that are shown" onClick={() => void saveMcap(laps, fields)}>MCAP</button>
      </div>
      <Panel title="By track position" class="compare-traces" tools={<>
        <Fields known={common} fields={fields} />
        <span class="grow" />
        <span class="muted num">{at === null ? '' : `${Math.round(at).toLocaleString('en-US')} m`}{corner ? ` · turn ${corner.number}` : ''}
          {at !== null && second !== null && ` · ${delta(between(data, at, second))} s between the cursors`}</span>
        {zoom && <Chip on onClick={() => setParams({ zoom: undefined })} title="Show all (0)">Zoomed ×</Chip>}
        <TableChip on={asTable} set={setTable} />
      </>}>
        <Problem error={comparison.error} again={comparison.again} />
        {data ? <StackView testId="compare-trace" channels={channels} lines={lines} draw={draw} version={version}
          labels={{ [DELTA]: { label: 'Delta', unit: 's', decimals: 3, weight: 1.2 } }}
          label={`${channels.map((field) => (field === DELTA ? 'delta' : channelOf(field).label)).join(', ')} of ${lines.map((each) => each.label).join(', ')} by position`}
          xText={(x) => `${Math.round(x).toLocaleString('en-US')} m`} xLabel="Position" asTable={asTable} cursor={at} second={second}
          onCursor={(x) => setPointed(x)} onSecond={(x) => setParams({ x2: String(Math.round(x)) })}
          onZoom={(from, to) => setParams({ zoom: [String(Math.round(from)), String(Math.round(to))] })} onZoomReset={() => setParams({ zoom: undefined })} />
          : comparison.loading && <p class="empty">Reading the laps…</p>}
      </Panel>
      <div class="compare-side">
        <DeltaMap line={line} pieces={pieces} ids={ids} at={at} lines={lines} />
        <CornerTable corners={corners} lines={lines} current={corner?.number} onChoose={(atM) => setParams({ x: String(Math.round(atM)) })} />
      </div>
    </div>
  );
}

function numberParam(key: string): number | null {
  const value = Number(param(key) ?? 'NaN');
  return Number.isFinite(value) ? value : null;
}

function tone(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || Math.abs(seconds) < 0.0005) return '';
  return seconds > 0 ? 'bad' : 'good';
}

function between(data: Comparison | undefined, a: number, b: number): number | null {
  if (!data || data.laps.length < 2) return null;
  const pieces = [a, b].map((place) => {
    const index = data.x.findIndex((x) => x >= place);
    return data.laps[1]!.delta_s[index < 0 ? data.x.length - 1 : index] ?? null;
  });
  return pieces[0] === null || pieces[1] === null ? null : pieces[1]! - pieces[0]!;
}

function lineOf(data: Comparison, lap: Comparison['laps'][number], field: string): Line {
  const raw = field === DELTA ? lap.delta_s : (lap.fields[field] ?? []);
  const shown = field === DELTA ? undefined : new ShownChannel(channelOf(field));
  const gaps: Gap[] = [];
  let last: number | undefined;
  raw.forEach((value, at) => {
    if (value === null) return;
    if (last !== undefined && at > last + 1) gaps.push({ from: data.x[last]!, to: data.x[at]! });
    last = at;
  });
  return { values: raw.map((value) => (value === null || !shown ? value : shown.value(value))), gaps };
}

function LapChip(props: { id: string; lap: Lap | undefined; colour: string; first: boolean; ids: string[] }) {
  const { id, lap, ids } = props;
  return (
    <span class={`chip lap-chip ${props.first ? 'on' : ''}`} title={props.first ? 'The others are compared with this one' : undefined}>
      <Swatch colour={props.colour} />
      {lap ? <><Name text={lap.chassis} /> lap {lap.lap} <b>{lapTime(lap.lap_time_s)}</b> <Truth received={lap.points} lost={lap.missing} longestGapS={lap.longest_gap_s} /></> : <Name text={id} />}
      {!props.first && <button type="button" class="bare muted" title="Compare the others with this one" onClick={() => setParams({ laps: [id, ...ids.filter((each) => each !== id)] })}>↤</button>}
      <button type="button" class="bare muted" aria-label={`Take ${shownName(lap?.chassis ?? id)} off`} onClick={() => setParams({ laps: ids.filter((each) => each !== id) })}>×</button>
    </span>
  );
}

function Fields(props: { known: string[]; fields: string[] }) {
  const { known, fields } = props;
  return (
    <Menu label="Channels" title="Channels to draw" testId="channels">
      {known.map((field) => (
        <Check key={field} on={fields.includes(field)} onChange={(on) => setParams({ fields: on ? [...fields, field] : fields.filter((each) => each !== field) })}>
          {shownName(channelOf(field).label)} {channelOf(field).label !== field && <span class="faint">{shownName(field)}</span>}
        </Check>
      ))}
    </Menu>
  );
}

