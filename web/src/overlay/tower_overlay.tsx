import { name as shownName } from '../model/format';
import type { OverlayProps } from './overlay';
import { shownOrder } from './shown_race';

export function TowerOverlay({ asked }: OverlayProps) {
  const order = shownOrder.value;
  const rows = Math.min(Math.max(Number(asked.get('rows') ?? '20') || 20, 1), 60);
  const toLeader = asked.get('gaps') === 'leader';
  if (!order) return null;
  return (
    <table class="over over-tower" aria-label="Order">
      <tbody>
        {order.cars.slice(0, rows).map((car) => {
          const gap = toLeader ? car.gap_leader_s : car.gap_ahead_s;
          const behind = car.laps_behind > 0 && toLeader ? `+${car.laps_behind} lap${car.laps_behind === 1 ? '' : 's'}` : gap === null ? '' : `+${gap.toFixed(toLeader ? 1 : 3)}`;
          return (
            <tr key={car.chassis} data-testid="tower-row" data-chassis={car.chassis} class={car.silent_s > 3 ? 'stale' : ''}>
              <td>{car.position}</td>
              <td class="left"><span class="name">{shownName(car.chassis)}</span></td>
              <td>{(car.pit ?? 0) > 0 ? 'PIT' : car.position === 1 ? 'leader' : behind}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
