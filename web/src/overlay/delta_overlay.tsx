import { useEffect, useState } from 'preact/hooks';
import { rowsOf, wantCars } from '../data/cars';
import { laps, readLaps } from '../data/race';
import { runningDelta, type ReferenceLap, referenceOf } from '../data/running_delta';
import { delta, lapTime, name as shownName } from '../model/format';
import type { Lap, Trace } from '../model/messages';
import { getJson } from '../net/api';
import { useQuery } from '../net/query';
import { useTicks } from '../ui/ticks';
import { shownCar, shownOrder } from './shown_race';

/** How far the running lap is behind the car's best one, at this place of the track. */
export function DeltaOverlay() {
  const order = shownOrder.value;
  const chassis = shownCar.value;
  const session = order?.session ?? undefined;
  useEffect(() => {
    if (session !== undefined) void readLaps(session);
  }, [session]);
  useEffect(() => {
    if (order && chassis !== undefined) wantCars({ track: order.track, session, cars: [chassis], channels: ['speed_kmh'] });
  }, [order?.track, session, chassis]);
  useTicks(100);
  const best = bestOf(laps.value.values(), chassis);
  const trace = useQuery(best && `reference ${best.id} ${best.revision}`, (abort) =>
    getJson<Trace>(`/api/trace?lap=${encodeURIComponent(best!.id)}&by=time&points=0&fields=lapdist_m`, abort));
  const [reference, setReference] = useState<ReferenceLap | undefined>(undefined);
  useEffect(() => setReference(trace.data ? referenceOf(trace.data) : undefined), [trace.data]);
  if (!order || chassis === undefined) return null;
  const rows = rowsOf(order.track, chassis);
  const now = rows && reference ? runningDelta(rows, reference) : undefined;
  const tone = now === undefined ? '' : now > 0 ? 'bad' : 'good';
  return (
    <div class="over over-delta" data-testid="overlay-delta">
      <b class={tone}>{delta(now, 2)}</b>
      <span><span class="name">{shownName(chassis)}</span>{best ? ` to ${lapTime(best.lap_time_s)}` : ', no lap yet'}</span>
    </div>
  );
}

function bestOf(all: Iterable<Lap>, chassis: string | undefined): Lap | undefined {
  let best: Lap | undefined;
  for (const lap of all) {
    if (lap.chassis !== chassis || lap.lap_time_s === null || lap.valid === false || !lap.channels.includes('lapdist_m')) continue;
    if (!best || lap.lap_time_s < best.lap_time_s!) best = lap;
  }
  return best;
}
