import { useState } from 'preact/hooks';
import { DASH, delta, fixed, lapTime, name as shownName } from '../../model/format';
import type { Lap } from '../../model/messages';
import { eventMs } from '../../model/time';
import { channelOf } from '../../model/channels';
import { ShownChannel } from '../../state/settings';
import { href, param, setParams } from '../../state/url';
import { Scroll, Time, Truth } from '../../ui/parts';

const AT_ONCE = 250;

type Order = 'when' | 'time' | 'car';
const ORDERS: Record<Order, (a: Lap, b: Lap) => number> = {
  // Laps that are driven yet stand behind those that have a time.
  when: (a, b) => Number(a.revision === 0) - Number(b.revision === 0) || b.started.localeCompare(a.started),
  time: (a, b) => (a.lap_time_s ?? Infinity) - (b.lap_time_s ?? Infinity),
  car: (a, b) => a.chassis.localeCompare(b.chassis) || a.started.localeCompare(b.started),
};

export function LapTable(props: { laps: Lap[]; picked: string[]; onPick: (lap: Lap) => void; session: string }) {
  const [count, setCount] = useState(AT_ONCE);
  const order = (param('order') ?? 'when') as Order;
  const sorted = [...props.laps].sort(ORDERS[order] ?? ORDERS.when);
  const sectors = Math.max(0, ...props.laps.map((lap) => lap.sector_times_s?.length ?? 0));
  const bestSectors = bestOf(props.laps, sectors);
  const fastest = Math.min(...props.laps.map((lap) => (lap.valid === false ? Infinity : (lap.lap_time_s ?? Infinity))));
  const speed = new ShownChannel({ ...channelOf('speed_kmh'), decimals: 0 });
  return (
    <Scroll label="Laps">
      <table>
        <thead>
          <tr>
            <th class="left"><span class="visually-hidden">Chosen</span></th>
            <Head by="car" now={order} left>Car</Head><th>Lap</th><Head by="time" now={order}>Time</Head><th>To best</th>
            {Array.from({ length: sectors }, (_, sector) => <th key={sector}>S{sector + 1}</th>)}
            <th class="left">Marks</th><th class="left">Tyre</th><th title={`Fastest, ${speed.unit}`}>Max {speed.unit}</th>
            <th title="Samples that came, of those that should have">Samples</th><Head by="when" now={order}>Began</Head>
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, count).map((lap) => (
            <tr key={lap.id} data-testid="lap-row" data-lap={lap.id} class={props.picked.includes(lap.id) ? 'selected' : ''}
              onClick={(event) => {
                if (!(event.target as HTMLElement).closest('a, input')) props.onPick(lap);
              }}>
              <td class="left"><input type="checkbox" checked={props.picked.includes(lap.id)} disabled={!lap.complete} onChange={() => props.onPick(lap)}
                aria-label={`Compare lap ${lap.lap} of ${shownName(lap.chassis)}`} title={lap.complete ? '' : 'Only laps that are known from line to line are compared'} /></td>
              <td class="left name"><a class="name" href={href('live', '', { session: props.session, cars: [lap.chassis], at: lap.started })} title="Look at this lap">{shownName(lap.chassis)}</a></td>
              <td>{lap.lap}</td>
              <td class={lap.best === 'session' ? 'best' : lap.best === 'personal' ? 'good' : ''} title={lap.official ? 'As the source tells it' : 'Between its crossings of the line'}>
                {lap.revision === 0 ? <span class="muted">running</span> : lapTime(lap.lap_time_s)}{lap.best === 'session' ? ' ◆' : lap.best === 'personal' ? ' ▴' : ''}
              </td>
              <td class="muted">{lap.lap_time_s === null || !Number.isFinite(fastest) ? DASH : delta(lap.lap_time_s - fastest)}</td>
              {Array.from({ length: sectors }, (_, sector) => {
                const time = lap.sector_times_s?.[sector] ?? null;
                return <td key={sector} class={time !== null && time === bestSectors[sector] ? 'best' : 'muted'}>{fixed(time, 3)}</td>;
              })}
              <td class="left"><Signs lap={lap} /></td>
              <td class="left">{lap.compound === null ? '' : shownName(lap.compound)}</td>
              <td>{speed.text(lap.max_speed_kmh)}</td>
              <td><Truth received={lap.points} lost={lap.missing} longestGapS={lap.longest_gap_s} /></td>
              <td class="muted"><Time ms={eventMs(lap.started)} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      {sorted.length > count && <p class="more"><button type="button" onClick={() => setCount(count + AT_ONCE)}>{sorted.length - count} more</button></p>}
    </Scroll>
  );
}

function bestOf(laps: readonly Lap[], sectors: number): (number | undefined)[] {
  return Array.from({ length: sectors }, (_, sector) => {
    const times = laps.filter((lap) => lap.valid !== false).map((lap) => lap.sector_times_s?.[sector] ?? null).filter((time) => time !== null);
    return times.length > 0 ? Math.min(...times) : undefined;
  });
}

function Head(props: { by: Order; now: Order; left?: boolean; children: string }) {
  const on = props.now === props.by;
  return (
    <th class={props.left ? 'left' : ''} aria-sort={on ? (props.by === 'when' ? 'descending' : 'ascending') : 'none'}>
      <button type="button" class="bare" title={`Sort by ${props.children.toLowerCase()}`} onClick={() => setParams({ order: props.by === 'when' ? undefined : props.by })}>
        {props.children}{on ? (props.by === 'when' ? ' ▾' : ' ▴') : ''}
      </button>
    </th>
  );
}

/** What a lap is not, or what happened in it, in words that fit a row. */
function Signs(props: { lap: Lap }) {
  const { lap } = props;
  return (
    <>
      {!lap.complete && lap.revision > 0 && <span class="muted" title="It was not seen from line to line, so it has no time">partial </span>}
      {lap.valid === false && <span class="bad" title="Called invalid by the source">invalid </span>}
      {lap.pit_out === true && <span class="pit" title="It began in the pit lane">out </span>}
      {lap.pit_in === true && <span class="pit" title="It ended in the pit lane">in </span>}
      {lap.rewound && <span class="slow" title={`${lap.discarded} points were taken back, as by a flashback`}>rewound </span>}
      {lap.duplicates > 0 && <span class="muted" title="Points that came twice, and count once">{lap.duplicates} twice</span>}
    </>
  );
}
