import { signal } from '@preact/signals';
import { connect, type FeedConnection } from '../net/feed';
import { clockOf } from './race';
import { RowRing } from './rows';

/** All machines, some values a second of each: for whoever looks at a fleet and not at one race. */

const ROWS = 240;
const MAX_MACHINES = 2000;
const HZ = 2;

export interface Machine {
  key: string;
  track: string;
  chassis: string;
  rows: RowRing;
  /** `performance.now()` of when it was heard last. */
  heardAt: number;
}

const known = new Map<string, Machine>();
/** Counts machines that came: lists are made anew. Their values are read when they are drawn. */
export const fleetVersion = signal(0);

export function machines(): Machine[] {
  return [...known.values()];
}

let connection: FeedConnection | undefined;

export function followFleet(): () => void {
  connection ??= connect('fleet', {
    hello: () => [{ type: 'subscribe', channels: ['telemetry'], max_hz: HZ, policy: 'conflate' }],
    onColumns: (columns) => {
      const now = performance.now();
      for (const column of columns) {
        const key = `${column.track}\u0000${column.chassis}`;
        let machine = known.get(key);
        if (!machine) {
          if (known.size >= MAX_MACHINES) forgetOldest();
          machine = { key, track: column.track, chassis: column.chassis, rows: new RowRing(ROWS, 64), heardAt: now };
          known.set(key, machine);
          fleetVersion.value++;
        }
        machine.rows.append(column);
        machine.heardAt = now;
        clockOf(column.track).hear(column.times[column.length - 1]!, now);
      }
    },
  });
  return () => {
    connection?.close();
    connection = undefined;
    known.clear();
  };
}

function forgetOldest(): void {
  let oldest: Machine | undefined;
  for (const machine of known.values()) if (!oldest || machine.heardAt < oldest.heardAt) oldest = machine;
  if (oldest) known.delete(oldest.key);
}
