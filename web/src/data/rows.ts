import type { Columns } from '../net/columns';

/** Rows of one machine in the order of their times, columns side by side. Whoever reads them does not change them. */
export interface Rows {
  readonly begin: number;
  readonly end: number;
  readonly times: Float64Array;
  readonly names: readonly string[];
  column(name: string): Float64Array | undefined;
}

export const NO_ROWS: Rows = { begin: 0, end: 0, times: new Float64Array(0), names: [], column: () => undefined };

/** The first row of `rows` at or behind `time`. */
export function lowerBound(rows: Rows, time: number): number {
  let low = rows.begin;
  let high = rows.end;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows.times[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The middle one of the times between the last rows, in ms; NaN of fewer than three rows. */
export function periodOf(rows: Rows, end = rows.end): number {
  const begin = Math.max(rows.begin, end - 65);
  const steps: number[] = [];
  for (let row = begin + 1; row < end; row++) steps.push(rows.times[row]! - rows.times[row - 1]!);
  if (steps.length < 2) return NaN;
  return steps.sort((a, b) => a - b)[steps.length >> 1]!;
}

/** Before a figure that is older nothing is known of it any more. */
const STALE_ROWS = 256;

/** The newest figure of `name` before row `end`; NaN where none of the rows before it has one. */
export function lastFigure(rows: Rows, name: string, end = rows.end): number {
  const column = rows.column(name);
  if (!column) return NaN;
  for (let row = end - 1; row >= Math.max(rows.begin, end - STALE_ROWS); row--) {
    if (!Number.isNaN(column[row]!)) return column[row]!;
  }
  return NaN;
}

/** So many messages that are older than all that is there, by so much, and nothing else between: the machine's clock was set back. */
const SET_BACK_MESSAGES = 10;
const SET_BACK_MS = 2000;

/** Points that come later than so many others are left out. */
const LATE_ROWS = 512;

/**
 * The newest rows of one machine, at most `capacity`: what is kept moves to the front once twice as much is full, so that rows stand
 * side by side and memory does not grow.
 */
export class RowRing implements Rows {
  begin = 0;
  end = 0;
  times: Float64Array;
  private readonly columns = new Map<string, Float64Array>();
  readonly texts: Record<string, string> = {};
  /** Counts what came; charts are drawn anew when it changes. */
  version = 0;
  private behind = 0;

  constructor(private readonly capacity: number, private readonly maxColumns = 96) {
    this.times = new Float64Array(2 * capacity);
  }

  get names(): string[] {
    return [...this.columns.keys()];
  }

  column(name: string): Float64Array | undefined {
    return this.columns.get(name);
  }

  append(from: Pick<Columns, 'length' | 'times' | 'names' | 'figures' | 'texts'>): void {
    if (this.isSetBack(from)) this.clear();
    this.add(from);
  }

  /** A machine whose clock was set back goes on behind its own rows: what it says now counts. */
  private isSetBack(from: Pick<Columns, 'length' | 'times'>): boolean {
    const newest = this.end > this.begin ? this.times[this.end - 1]! : -Infinity;
    const behind = from.length > 0 && from.times.every((time) => time < newest - SET_BACK_MS);
    this.behind = behind ? this.behind + 1 : 0;
    return this.behind >= SET_BACK_MESSAGES;
  }

  private add(from: Pick<Columns, 'length' | 'times' | 'names' | 'figures' | 'texts'>): void {
    const names = from.names.filter((name) => this.columns.has(name) || this.addColumn(name));
    for (let row = 0; row < from.length; row++) {
      const at = this.place(from.times[row]!);
      if (at === undefined) continue;
      for (const name of names) {
        const value = from.figures[from.names.indexOf(name)]![row]!;
        // A point that came twice fills in what the other one lacked.
        if (!Number.isNaN(value)) this.columns.get(name)![at] = value;
      }
    }
    Object.assign(this.texts, from.texts);
    this.version++;
  }

  /** What the log has of a stretch takes the place of what is there of it; without rows it changes nothing. */
  fillIn(recorded: Pick<Columns, 'length' | 'times' | 'names' | 'figures' | 'texts'>): void {
    if (recorded.length === 0) return;
    const before = this.copy(this.begin, lowerBound(this, recorded.times[0]!));
    const behind = this.copy(lowerBound(this, recorded.times[recorded.length - 1]! + 1e-6), this.end);
    this.clear();
    for (const part of [before, recorded, behind]) this.add(part);
  }

  private copy(begin: number, end: number): Columns {
    return {
      track: '', chassis: '', length: Math.max(end - begin, 0), times: this.times.slice(begin, end), names: this.names,
      figures: this.names.map((name) => this.columns.get(name)!.slice(begin, end)), texts: { ...this.texts },
    };
  }

  clear(): void {
    this.begin = 0;
    this.end = 0;
    this.behind = 0;
    this.version++;
  }

  private addColumn(name: string): boolean {
    if (this.columns.size >= this.maxColumns) return false;
    this.columns.set(name, new Float64Array(2 * this.capacity).fill(NaN));
    return true;
  }

  /** Where a row of that time goes, made free; undefined: it is too late for it. */
  private place(time: number): number | undefined {
    if (this.end === 2 * this.capacity) this.moveToFront();
    let at = this.end;
    while (at > this.begin && this.times[at - 1]! > time) at--;
    if (at > this.begin && this.times[at - 1] === time) return at - 1;
    if (this.end - at > LATE_ROWS) return undefined;
    if (at < this.end) {
      this.times.copyWithin(at + 1, at, this.end);
      for (const column of this.columns.values()) column.copyWithin(at + 1, at, this.end);
    }
    this.times[at] = time;
    for (const column of this.columns.values()) column[at] = NaN;
    this.end++;
    if (this.end - this.begin > this.capacity) this.begin = this.end - this.capacity;
    return at;
  }

  private moveToFront(): void {
    const from = this.end - this.capacity;
    this.times.copyWithin(0, from, this.end);
    for (const column of this.columns.values()) column.copyWithin(0, from, this.end);
    this.begin = 0;
    this.end = this.capacity;
  }
}
