import type { TrackMap } from '../../charts/track_map';
import type { Standings } from '../../model/messages';

/** Places come five times a second: dots are a little behind, and move between two of them. */
export const MOVES_BEHIND_MS = 50;
const STALE_S = 3;
/** Beyond it a dot jumps: it is another lap, or another place, and no way between. */
const JUMP_M = 400;

interface Step { at: number; x: number; y: number; silentS: number }

/** The last two places of each car, and when they came. */
export class Movement {
  private readonly cars = new Map<string, [Step | undefined, Step]>();

  hearOrder(order: Standings, map: TrackMap, now: number): void {
    const there = new Set(order.cars.map((car) => car.chassis));
    for (const name of this.cars.keys()) if (!there.has(name)) this.cars.delete(name);
    for (const car of order.cars) {
      const place = car.x_m !== null && car.y_m !== null ? [car.x_m, car.y_m] : map.placeOf(car.lapdist_m);
      if (place) this.hear(car.chassis, { at: now, x: place[0]!, y: place[1]!, silentS: car.silent_s });
    }
  }

  *places(now: number): Iterable<[string, number, number, boolean]> {
    for (const [chassis, [from, to]] of this.cars) {
      const stale = to.silentS > STALE_S;
      const far = !from || Math.hypot(to.x - from.x, to.y - from.y) > JUMP_M;
      const share = far ? 1 : Math.min(Math.max((now - to.at) / Math.max(to.at - from.at, 1), 0), 1);
      yield [chassis, far ? to.x : from.x + (to.x - from.x) * share, far ? to.y : from.y + (to.y - from.y) * share, stale];
    }
  }

  private hear(chassis: string, step: Step): void {
    const old = this.cars.get(chassis);
    if (old && old[1].x === step.x && old[1].y === step.y) old[1].silentS = step.silentS;
    else this.cars.set(chassis, [old?.[1], step]);
  }
}
