import { useEffect } from 'preact/hooks';
import { rowsOf, wantCars } from '../data/cars';
import { name as shownName } from '../model/format';
import { useTicks } from '../ui/ticks';
import { Tyres } from '../views/live/tyres';
import { shownCar, shownOrder } from './shown_race';

export function TyresOverlay() {
  const order = shownOrder.value;
  const chassis = shownCar.value;
  useEffect(() => {
    if (order && chassis !== undefined) wantCars({ track: order.track, session: undefined, cars: [chassis], channels: [] });
  }, [order?.track, chassis]);
  useTicks(500);
  if (!order || chassis === undefined) return null;
  const rows = rowsOf(order.track, chassis);
  const compound = rows?.texts.tyre_compound;
  return (
    <div class="over over-tyres" data-testid="overlay-tyres">
      <p><span class="name">{shownName(chassis)}</span>{compound ? ` · ${shownName(compound)}` : ''}</p>
      {rows && rows.end > rows.begin ? <Tyres rows={rows} end={rows.end} version={rows.version} whenNone="tells nothing of its tyres" /> : null}
    </div>
  );
}
