import { decimate, gridOf, type Along, type Line } from '../../charts/decimate';
import type { StackData } from '../../charts/chart_stack';
import { rowsOf } from '../../data/cars';
import { Recording } from '../../data/recorded';
import { lowerBound, periodOf, type Rows } from '../../data/rows';
import { ShownChannel } from '../../state/settings';
import { channelOf } from '../../model/channels';
import type { Race } from './race_choice';

/** How a trace runs: along the lap that is driven, or along the last seconds. */
export type Axis = 'distance' | 'time';

export interface TraceRequest {
  race: Race;
  cars: readonly string[];
  channels: readonly string[];
  axis: Axis;
  spanS: number;
  /** The moment that is looked at, and how fast it moves. */
  atMs: number;
  speed: number;
  width: number;
  /** Of the axis; not there: all of the lap, or the last seconds. */
  zoom: readonly [number, number] | undefined;
  lengthM: number | undefined;
}

export interface Drawing extends StackData {
  from: number;
  to: number;
  /** Chosen cars of which the log is being read. */
  loading: boolean;
}

/** A distance that falls by more is of the next lap; less is noise, or a spin. */
const FALL_M = 200;

/** What is older is not how a machine is at that moment. */
export const STALE_MS = 3000;

interface Part { rows: Rows; axis: Along; begin: number; end: number }

/** Where a machine's rows are: those that came live while they reach back far enough, else what was recorded. */
export class TraceSource {
  private recording: Recording | undefined;

  close(): void {
    this.recording?.close();
    this.recording = undefined;
  }

  rows(race: Race, chassis: string, fromMs: number, atMs: number, speed: number): Rows | undefined {
    const live = race.live ? rowsOf(race.track, chassis) : undefined;
    if (live && live.end > live.begin && live.times[live.begin]! <= fromMs + 1000) return live;
    if (race.session === undefined) return live;
    // While the minutes before are on their way what came live is shown.
    if (live && live.end > live.begin && live.times[live.begin]! <= atMs) return live;
    if (this.recording?.session !== race.session) {
      this.recording?.close();
      this.recording = new Recording(race.session);
    }
    return this.recording.rows(chassis, fromMs, atMs, speed);
  }

  fields(race: Race, cars: readonly string[]): string[] {
    const names = new Set<string>();
    for (const chassis of cars) {
      const rows = race.live ? rowsOf(race.track, chassis) : undefined;
      for (const name of rows?.names ?? this.recording?.names(chassis) ?? []) names.add(name);
    }
    return [...names].sort();
  }

  draw(request: TraceRequest): Drawing {
    return request.axis === 'distance' ? this.byDistance(request) : this.byTime(request);
  }

  /** Of which cars nothing came lately, as of the moment that is looked at. */
  stale(race: Race, cars: readonly string[], atMs: number): boolean[] {
    return cars.map((chassis) => {
      const rows = this.rows(race, chassis, atMs - STALE_MS, atMs, 0);
      const end = rows ? lowerBound(rows, atMs + 0.5) : 0;
      return !rows || end === rows.begin || atMs - rows.times[end - 1]! > STALE_MS;
    });
  }

  /** Changes with whatever came of these cars. */
  version(race: Race, cars: readonly string[]): number {
    return cars.reduce((sum, chassis) => sum + (rowsOf(race.track, chassis)?.version ?? 0), this.recording?.version ?? 0);
  }

  loading(cars: readonly string[]): boolean {
    return cars.some((chassis) => this.recording?.loading(chassis));
  }

  private byTime(request: TraceRequest): Drawing {
    const { atMs, width } = request;
    // Seconds before the moment that is looked at: 0 at the right.
    const [from, to] = request.zoom ?? [-request.spanS, 0];
    const grid = gridOf(from, to, width);
    const lines = this.lines(request, from, to, (chassis) => {
      const fromMs = atMs + from * 1000;
      const rows = this.rows(request.race, chassis, fromMs, atMs, request.speed);
      if (!rows) return undefined;
      const begin = Math.max(lowerBound(rows, fromMs) - 1, rows.begin);
      const end = lowerBound(rows, atMs + 0.5);
      const axis = { column: rows.times, shift: atMs, scale: 1e-3 };
      return { rows, axis, begin, end };
    });
    for (const channel of lines) {
      channel.forEach((line, index) => this.endInGap(line, request, request.cars[index]!, from, to));
    }
    return { grid, lines, from, to, loading: this.loading(request.cars) };
  }

  /** A feed that stopped ends in a gap, not in a line that just is not drawn. */
  private endInGap(line: Line, request: TraceRequest, chassis: string, from: number, to: number): void {
    const rows = this.rows(request.race, chassis, request.atMs + from * 1000, request.atMs, request.speed);
    if (!rows) return;
    const end = lowerBound(rows, request.atMs + 0.5);
    if (end === rows.begin) return;
    const silentS = (request.atMs - rows.times[end - 1]!) / 1000;
    const period = periodOf(rows, end);
    if (silentS > Math.max(1, (3 * period) / 1000)) line.gaps.push({ from: -silentS, to });
  }

  private byDistance(request: TraceRequest): Drawing {
    const { atMs, width } = request;
    let longest = request.lengthM ?? 0;
    const parts = new Map<string, Part | undefined>();
    for (const chassis of request.cars) {
      const part = this.lapOf(request, chassis, atMs);
      parts.set(chassis, part);
      if (part && request.lengthM === undefined) {
        const { column } = part.axis;
        for (let row = part.rows.begin; row < part.end; row++) if (column[row]! > longest) longest = column[row]!;
      }
    }
    const [from, to] = request.zoom ?? [0, Math.max(longest, 100)];
    const grid = gridOf(from, to, width);
    const lines = this.lines(request, from, to, (chassis) => parts.get(chassis));
    return { grid, lines, from, to, loading: this.loading(request.cars) };
  }

  /** The rows of the lap that is driven at that moment. */
  private lapOf(request: TraceRequest, chassis: string, atMs: number): Part | undefined {
    const rows = this.rows(request.race, chassis, atMs - 150_000, atMs, request.speed);
    const axis = rows?.column('lapdist_m');
    if (!rows || !axis) return undefined;
    const end = lowerBound(rows, atMs + 0.5);
    const laps = rows.column('lap');
    let begin = end;
    let place = Infinity;
    for (let row = end - 1; row >= rows.begin; row--) {
      // Recorded rows tell no number of a lap: one begins where the distance falls.
      if (laps && laps[row]! < laps[end - 1]!) break;
      if (axis[row]! > place + FALL_M) break;
      if (!Number.isNaN(axis[row]!)) place = axis[row]!;
      begin = row;
    }
    return { rows, axis: { column: axis, shift: 0, scale: 1 }, begin, end };
  }

  private lines(
    request: TraceRequest, from: number, to: number,
    partOf: (chassis: string) => Part | undefined,
  ): Line[][] {
    return request.channels.map((field) => {
      const shown = new ShownChannel(channelOf(field));
      return request.cars.map((chassis) => {
        const part = partOf(chassis);
        const column = part?.rows.column(field);
        if (!part || !column) return { values: [], gaps: [] };
        const span = { from, to, width: request.width, value: (raw: number) => shown.value(raw), periodMs: periodOf(part.rows, part.end) };
        return decimate(part.rows, part.axis, column, part.begin, part.end, span);
      });
    });
  }
}
