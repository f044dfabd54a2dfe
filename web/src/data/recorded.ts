import type { Trace } from '../model/messages';
import { getJson, query } from '../net/api';
import { lowerBound, NO_ROWS, type Rows } from './rows';

/** What was recorded of a machine in a stretch of time, as rows. */
export interface Stretch extends Rows {
  fromMs: number;
  toMs: number;
  names: string[];
  figures: Float64Array[];
  /** Entries of the log that are lost, and from when on there are any: nothing that looks whole is not. */
  lost: number;
  goneBefore: string | undefined;
}

export async function readStretch(
  session: string, chassis: string, fromMs: number, toMs: number, points: number, fields?: readonly string[], abort?: AbortSignal,
): Promise<Stretch> {
  const from = new Date(fromMs).toISOString();
  const to = new Date(toMs).toISOString();
  const asked = query({ session, chassis, from, to, by: 'time', points, fields: fields?.join(',') });
  const trace = await getJson<Trace>(`/api/trace${asked}`, abort);
  const kept: number[] = [];
  trace.x.forEach((x, row) => {
    if (x !== null) kept.push(row);
  });
  const names = Object.keys(trace.fields);
  // Live times are cut to milliseconds, so these are, too: a point that comes both ways is then one.
  const times = Float64Array.from(kept, (row) => Math.floor(Date.parse(from) + trace.x[row]! * 1000 + 0.001));
  const figures = names.map((name) => Float64Array.from(kept, (row) => trace.fields[name]![row] ?? NaN));
  return {
    fromMs, toMs, begin: 0, end: times.length, times, names, figures,
    column: (name) => figures[names.indexOf(name)],
    lost: trace.lost ?? 0,
    goneBefore: trace.gone_before,
  };
}

interface Kept { stretch: Stretch | undefined; wanted: [number, number] | undefined; failed: number }

const BEHIND_MS = 200_000;
const AHEAD_MS = 40_000;
/** Of so many machines stretches are kept: who asks for more at a time asks without end. */
export const MOST_RECORDED_CARS = 64;

/**
 * What was recorded of a session's machines around the moment that is looked at. Of each machine one stretch is kept; it is read when what
 * is asked for is not in it, with some seconds before and behind.
 */
export class Recording {
  private readonly machines = new Map<string, Kept>();
  private running = 0;
  private readonly abort = new AbortController();
  /** Counts what came. */
  version = 0;

  constructor(readonly session: string, private readonly fields?: readonly string[]) {}

  close(): void {
    this.abort.abort();
  }

  /** What is known by now of that time; more is asked for where it is not all of it. `speed`: how fast the moment moves. */
  rows(chassis: string, fromMs: number, toMs: number, speed = 0): Rows {
    let kept = this.machines.get(chassis);
    if (!kept) {
      if (this.machines.size >= MOST_RECORDED_CARS) this.machines.delete(this.machines.keys().next().value!);
      this.machines.set(chassis, (kept = { stretch: undefined, wanted: undefined, failed: 0 }));
    }
    const soon = toMs + Math.min(8000 * speed, AHEAD_MS);
    const covered = kept.stretch && kept.stretch.fromMs <= fromMs && kept.stretch.toMs >= soon;
    const asked = kept.wanted && kept.wanted[0] <= fromMs && kept.wanted[1] >= toMs;
    if (!covered && !asked && this.running < 4 && performance.now() - kept.failed > 3000) {
      const ahead = AHEAD_MS * Math.max(1, speed);
      void this.read(chassis, kept, Math.min(fromMs, toMs - BEHIND_MS), toMs + ahead);
    }
    if (!kept.stretch) return NO_ROWS;
    return kept.stretch;
  }

  names(chassis: string): readonly string[] {
    return this.machines.get(chassis)?.stretch?.names ?? [];
  }

  loading(chassis: string): boolean {
    return this.machines.get(chassis)?.wanted !== undefined;
  }

  private async read(chassis: string, kept: Kept, fromMs: number, toMs: number): Promise<void> {
    kept.wanted = [fromMs, toMs];
    this.running++;
    try {
      kept.stretch = await readStretch(this.session, chassis, fromMs, toMs, 8000, this.fields, this.abort.signal);
      this.version++;
    } catch {
      kept.failed = performance.now();
    } finally {
      kept.wanted = undefined;
      this.running--;
    }
  }
}

/** The figure of `name` at `ms`, straight between the rows around it; NaN where the next ones are over a second away. */
export function figureAt(rows: Rows, name: string, ms: number): number {
  const column = rows.column(name);
  if (!column) return NaN;
  const behind = lowerBound(rows, ms);
  const before = behind - 1;
  if (behind < rows.end && rows.times[behind] === ms) return column[behind]!;
  if (before < rows.begin || behind >= rows.end) return NaN;
  const span = rows.times[behind]! - rows.times[before]!;
  if (span > 1000) return NaN;
  const share = (ms - rows.times[before]!) / span;
  return column[before]! + (column[behind]! - column[before]!) * share;
}
