import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Line } from '../../charts/decimate';
import { StackView, TableChip } from '../../charts/stack_view';
import { channelOf } from '../../model/channels';
import { clock, name as shownName, whole } from '../../model/format';
import type { Rollup, Series } from '../../model/messages';
import { eventMs } from '../../model/time';
import { download, getJson, query } from '../../net/api';
import { useQuery } from '../../net/query';
import { health } from '../../data/race';
import { ShownChannel } from '../../state/settings';
import { param, setParams } from '../../state/url';
import { Empty, Panel, Problem, Scroll, Time } from '../../ui/parts';
import { place } from '../../ui/shell';

const SHOWN = 200;
const STATISTICS = ['avg', 'min', 'max', 'std', 'last'];
const SERIES_COLOURS = ['--c1', '--c3', '--c2'];

/** Closed windows: as a table, over time, and as CSV. */
export function RollupsView() {
  useEffect(() => {
    place.value = 'windows';
  }, []);
  const series = useQuery('series', () => getJson<{ series: Series[] }>('/api/series'), 10_000);
  const windows = ((health.value?.windows as { window: string; stored: boolean }[] | undefined) ?? []).map((window) => window.window);
  const window = param('window') ?? '';
  const machine = param('machine') ?? '';
  const [chassis, track] = splitMachine(machine);
  const lap = param('lap') ?? '';
  const asked = query({ window, chassis, track, lap, limit: SHOWN });
  const answer = useQuery(`rollups ${asked}`, (abort) => getJson<{ rollups: Rollup[] }>(`/api/rollups${asked}`, abort), 3000);
  const rollups = answer.data?.rollups ?? [];
  const fields = useMemo(() => fieldsOf(rollups), [answer.data]);
  const field = param('field') ?? fields[0] ?? '';
  const [asTable, setTable] = useState(false);
  const shown = new ShownChannel(channelOf(field));
  const tools = (
    <>
      <select aria-label="Window" value={window} onChange={(event) => setParams({ window: event.currentTarget.value || undefined })}>
        <option value="">All stored windows</option>
        {windows.map((each) => <option key={each} value={each}>{shownName(each)}</option>)}
      </select>
      <select aria-label="Machine" value={machine} onChange={(event) => setParams({ machine: event.currentTarget.value || undefined })}>
        <option value="">All machines</option>
        {(series.data?.series ?? []).map((each) => <option key={`${each.track} ${each.chassis}`} value={JSON.stringify([each.chassis, each.track])}>{shownName(each.chassis)}, {shownName(each.track)}</option>)}
      </select>
      <input type="text" inputMode="numeric" aria-label="Lap" placeholder="Lap" value={lap} style={{ width: '70px' }}
        onInput={(event) => setParams({ lap: /^\d{1,5}$/.test(event.currentTarget.value) ? event.currentTarget.value : undefined })} />
      <select aria-label="Field" value={field} onChange={(event) => setParams({ field: event.currentTarget.value })}>
        {fields.map((each) => <option key={each} value={each}>{shownName(channelOf(each).label)}</option>)}
      </select>
      <span class="grow" />
      <button type="button" onClick={() => void download(`/api/rollups${query({ window, chassis, track, lap, limit: 1000 })}`, 'windows.csv')}>CSV</button>
    </>
  );
  return (
    <div class="view rollups">
      <Panel title="Windows" tools={tools}>
        <Problem error={answer.error} again={answer.again} />
        {answer.data && rollups.length === 0 ? <Empty title="No window has closed yet"><p>A window is told once it is over: a second, a sector, or what the configuration asks for.</p></Empty> : (
          <Scroll label="Closed windows">
            <table>
              <thead>
                <tr>
                  <th class="left">Window</th><th class="left">Machine</th><th class="left">Track</th><th>Lap</th><th>Sector</th><th>Points</th>
                  {STATISTICS.map((statistic) => <th key={statistic}>{statistic} {shown.unit}</th>)}<th>From</th><th>To</th>
                </tr>
              </thead>
              <tbody>
                {rollups.map((rollup) => (
                  <tr key={rollup.window_id} data-testid="rollup-row">
                    <td class="left">{shownName(rollup.window)}</td><td class="left name">{shownName(rollup.chassis)}</td><td class="left name">{shownName(rollup.track)}</td>
                    <td>{rollup.lap}</td><td>{rollup.sector + 1}</td><td>{whole(rollup.count)}</td>
                    {STATISTICS.map((statistic) => <td key={statistic}>{statisticText(rollup, statistic, field, shown)}</td>)}
                    <td class="muted"><Time ms={eventMs(rollup.first_ts)} decimals={1} /></td><td class="muted"><Time ms={eventMs(rollup.last_ts)} decimals={1} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      </Panel>
      <Panel title={`${channelOf(field).label} over time`} tools={<><span class="grow" /><TableChip on={asTable} set={setTable} /></>}>
        {machine === '' ? <Empty title="Choose a machine"><p>Its windows are drawn here: the mean, between the lowest and the highest value.</p></Empty>
          : <OverTime rollups={rollups.filter((rollup) => window !== '' || rollup.window === rollups[0]?.window)} field={field} asTable={asTable} />}
      </Panel>
    </div>
  );
}

function splitMachine(machine: string): [string | undefined, string | undefined] {
  try {
    const [chassis, track] = JSON.parse(machine) as string[];
    return [chassis, track];
  } catch {
    return [undefined, undefined];
  }
}

function fieldsOf(rollups: readonly Rollup[]): string[] {
  const names = new Set<string>();
  for (const rollup of rollups) for (const member of Object.keys(rollup)) if (member.startsWith('avg_')) names.add(member.slice(4));
  return [...names].sort((a, b) => Number(b === 'speed_kmh') - Number(a === 'speed_kmh') || a.localeCompare(b));
}

function statisticText(rollup: Rollup, statistic: string, field: string, shown: ShownChannel): string {
  const value = rollup[`${statistic}_${field}`];
  if (typeof value !== 'number') return '–';
  // A deviation is a difference: it has no zero of its own.
  return statistic === 'std' ? (shown.value(value) - shown.value(0)).toFixed(Math.max(shown.channel.decimals, 2)) : shown.text(value);
}

function OverTime(props: { rollups: Rollup[]; field: string; asTable: boolean }) {
  const { rollups, field } = props;
  const sorted = [...rollups].sort((a, b) => a.first_ts.localeCompare(b.first_ts));
  if (sorted.length < 2) return <p class="empty">Two windows make a line.</p>;
  const shown = new ShownChannel(channelOf(field));
  const grid = Float64Array.from(sorted, (rollup) => eventMs(rollup.first_ts) / 1000);
  const line = (statistic: string): Line => ({ gaps: [], values: sorted.map((rollup) => {
    const value = rollup[`${statistic}_${field}`];
    return typeof value === 'number' ? shown.value(value) : null;
  }) });
  const lines = ['avg', 'min', 'max'].map((statistic, index) => ({ key: statistic, label: statistic, colour: SERIES_COLOURS[index]!, dashed: index > 0 }));
  const data = { grid, lines: [['avg', 'min', 'max'].map(line)], from: grid[0]!, to: grid[grid.length - 1]! };
  return <StackView testId="rollup-chart" channels={[field]} lines={lines} draw={() => data} version={`${sorted[0]!.window_id} ${sorted[sorted.length - 1]!.window_id} ${field}`}
    xText={(x) => clock(x * 1000)} xLabel="Begins" label={`${channelOf(field).label} by window`} asTable={props.asTable} />;
}
