import { lapTime, name as shownName } from '../../model/format';
import type { Lap } from '../../model/messages';
import { Empty, Name, Scroll } from '../../ui/parts';

interface Stint { from: number; to: number; compound: string | null; best: number | null }

/** From one stop to the next, and on which tyres. */
export function Stints(props: { laps: Lap[]; cars: string[] }) {
  const last = Math.max(1, ...props.laps.map((lap) => lap.lap));
  const first = Math.min(last, ...props.laps.map((lap) => lap.lap));
  const told = props.laps.some((lap) => lap.pit_in === true || lap.compound !== null);
  if (!told) return <Empty title="No stop is known"><p>Stints are told by sources that say when a car is in the pits, or on which tyres it is.</p></Empty>;
  return (
    <Scroll label="Stints">
      <ul class="stints">
        {props.cars.map((chassis) => (
          <li key={chassis}>
            <Name text={chassis} />
            <div class="bars">
              {stintsOf(props.laps.filter((lap) => lap.chassis === chassis)).map((stint) => (
                <span key={stint.from} class="stint" style={{ left: `${(100 * (stint.from - first)) / (last - first + 1)}%`, width: `${(100 * (stint.to - stint.from + 1)) / (last - first + 1)}%` }}
                  title={`${stint.compound === null ? 'tyre not told' : shownName(stint.compound)}, laps ${stint.from} to ${stint.to}, best ${lapTime(stint.best)}`}>
                  {stint.compound === null ? '' : shownName(stint.compound).charAt(0).toUpperCase()} {stint.to - stint.from + 1}
                </span>
              ))}
            </div>
          </li>
        ))}
      </ul>
    </Scroll>
  );
}

function stintsOf(laps: Lap[]): Stint[] {
  const out: Stint[] = [];
  let open: Stint | undefined;
  for (const lap of [...laps].sort((a, b) => a.lap - b.lap)) {
    if (!open || lap.pit_out === true || (lap.compound !== null && open.compound !== null && lap.compound !== open.compound)) {
      open = { from: lap.lap, to: lap.lap, compound: lap.compound, best: null };
      out.push(open);
    }
    open.to = lap.lap;
    open.compound ??= lap.compound;
    if (lap.lap_time_s !== null && lap.valid !== false) open.best = Math.min(open.best ?? Infinity, lap.lap_time_s);
    if (lap.pit_in === true) open = undefined;
  }
  return out;
}
