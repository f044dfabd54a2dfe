import { useMemo, useState } from 'preact/hooks';
import type { Line } from '../../charts/decimate';
import { StackView, TableChip } from '../../charts/stack_view';
import { lapTime, fixed } from '../../model/format';
import type { Lap } from '../../model/messages';
import { eventMs } from '../../model/time';
import { colourOf } from '../../ui/colours';
import { Empty } from '../../ui/parts';

/** Lap times and the gap to the leader over the race. A lap without a time is a gap in the line. */
export function LapCharts(props: { laps: Lap[]; cars: string[] }) {
  const { laps, cars } = props;
  const [asTable, setTable] = useState(false);
  const data = useMemo(() => overTheRace(laps, cars), [laps, cars.join('\n')]);
  if (!data) return <Empty title="No lap has a time yet"><p>Times stand here from the second crossing of the line on.</p></Empty>;
  const lines = cars.map((chassis, index) => ({ key: chassis, label: chassis, colour: colourOf(index) }));
  return (
    <>
      <StackView testId="lap-chart" channels={['time', 'gap']} lines={lines} draw={() => data} version={data} asTable={asTable}
        labels={{ time: { label: 'Lap time', unit: '', decimals: 3, weight: 1, text: lapTime, axisText: (value) => lapTime(value).slice(0, -2) }, gap: { label: 'Behind the leader', unit: 's', decimals: 1, text: (value) => fixed(value, 1) } }}
        xText={(x) => (Number.isInteger(x) ? String(x) : '')} xLabel="Lap" wholeX label={`Lap times and gaps of ${cars.join(', ')}`} />
      <p class="more"><TableChip on={asTable} set={setTable} /></p>
    </>
  );
}

function overTheRace(laps: readonly Lap[], cars: readonly string[]) {
  const timed = laps.filter((lap) => lap.lap_time_s !== null);
  if (timed.length === 0) return undefined;
  const first = Math.min(...timed.map((lap) => lap.lap));
  const last = Math.max(...timed.map((lap) => lap.lap), first + 1);
  const grid = Float64Array.from({ length: last - first + 1 }, (_, index) => first + index);
  // Who crossed the line first in each lap is its leader.
  const leads = new Map<number, number>();
  for (const lap of laps) {
    if (!lap.complete) continue;
    const ended = eventMs(lap.ended);
    leads.set(lap.lap, Math.min(leads.get(lap.lap) ?? Infinity, ended));
  }
  const lineOf = (chassis: string, value: (lap: Lap) => number | null): Line => {
    const values = new Array<number | null>(grid.length).fill(null);
    for (const lap of laps) if (lap.chassis === chassis && lap.complete) values[lap.lap - first] = value(lap);
    return { values, gaps: [] };
  };
  return {
    grid, from: first, to: last,
    lines: [
      cars.map((chassis) => lineOf(chassis, (lap) => lap.lap_time_s)),
      cars.map((chassis) => lineOf(chassis, (lap) => (eventMs(lap.ended) - (leads.get(lap.lap) ?? NaN)) / 1000)),
    ],
  };
}
