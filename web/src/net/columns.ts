import type { LiveMessage, Point } from '../model/messages';
import { eventMs } from '../model/time';

/** Points of one machine, column by column: what goes from the worker to the page. A NaN is a figure that the point does not have. */
export interface Columns {
  track: string;
  chassis: string;
  length: number;
  times: Float64Array;
  names: string[];
  figures: Float64Array[];
  /** The newest value of each member that is a text, and of the machine's tags. */
  texts: Record<string, string>;
}

/** Rows that wait for a page that does not take them: beyond it all that wait are left out, and counted. */
export const MAX_WAITING_ROWS = 20_000;

interface Waiting {
  track: string;
  chassis: string;
  times: number[];
  names: Map<string, number[]>;
  texts: Record<string, string>;
}

/** Gathers points until the page takes them. */
export class ColumnGatherer {
  private machines = new Map<string, Waiting>();
  private rows = 0;
  leftOut = 0;

  get empty(): boolean {
    return this.rows === 0;
  }

  add(points: readonly Point[]): void {
    for (const point of points) this.addPoint(point);
    if (this.rows > MAX_WAITING_ROWS) {
      this.leftOut += this.rows;
      this.machines.clear();
      this.rows = 0;
    }
  }

  take(): Columns[] {
    const out: Columns[] = [];
    for (const { track, chassis, times, names, texts } of this.machines.values()) {
      const figures = [...names.values()].map((column) => {
        while (column.length < times.length) column.push(NaN);
        return Float64Array.from(column);
      });
      out.push({ track, chassis, length: times.length, times: Float64Array.from(times), names: [...names.keys()], figures, texts });
    }
    this.machines.clear();
    this.rows = 0;
    return out;
  }

  private addPoint(point: Point): void {
    const time = eventMs(point.meta_time);
    if (!Number.isFinite(time)) return;
    const key = `${point.track}\u0000${point.chassis}`;
    let machine = this.machines.get(key);
    if (!machine) {
      machine = { track: point.track, chassis: point.chassis, times: [], names: new Map(), texts: {} };
      this.machines.set(key, machine);
    }
    const row = machine.times.length;
    machine.times.push(time);
    this.rows++;
    for (const member of Object.keys(point)) {
      const value = point[member];
      if (typeof value === 'number') {
        if (member === 'meta_time') continue;
        let column = machine.names.get(member);
        if (!column) machine.names.set(member, (column = []));
        while (column.length < row) column.push(NaN);
        column[row] = value;
      } else if (typeof value === 'string' || typeof value === 'boolean') {
        if (member !== 'track' && member !== 'chassis' && member !== 'meta_time') machine.texts[member] = String(value);
      } else if (member === 'tags' && value) {
        for (const [tag, text] of Object.entries(value)) machine.texts[`tag.${tag}`] = text;
      }
    }
  }
}

export type Other = Exclude<LiveMessage, { type: 'telemetry_update' }>;
