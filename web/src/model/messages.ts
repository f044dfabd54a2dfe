/** What the server sends, as far as the page reads it: docs/live.md and docs/api.md are the whole. What is not known is null. */

export type PointValue = number | string | boolean | null | Record<string, string>;

export interface Point {
  track: string;
  chassis: string;
  meta_time: string | number;
  [member: string]: PointValue | undefined;
}

export interface Standing {
  position: number;
  chassis: string;
  lap: number;
  lapdist_m: number;
  gap_leader_s: number | null;
  gap_ahead_s: number | null;
  laps_behind: number;
  last_lap_s: number | null;
  best_lap_s: number | null;
  sector: number;
  sectors_s: (number | null)[];
  best_sectors_s: (number | null)[];
  x_m: number | null;
  y_m: number | null;
  compound: string | null;
  tyre_age_laps: number | null;
  pit: number | null;
  silent_s: number;
  loss: number | null;
}

export interface Standings {
  type: 'standings_update';
  track: string;
  session: string | null;
  part: string | null;
  time: string;
  best_sectors_s: (number | null)[];
  cars: Standing[];
}

export interface Lap {
  id: string;
  session: string;
  track: string;
  chassis: string;
  lap: number;
  started: string;
  ended: string;
  lap_time_s: number | null;
  sector_times_s: (number | null)[] | null;
  complete: boolean;
  valid: boolean | null;
  pit_in: boolean | null;
  pit_out: boolean | null;
  compound: string | null;
  official: boolean;
  points: number;
  missing: number;
  duplicates: number;
  longest_gap_s: number;
  discarded: number;
  max_speed_kmh: number | null;
  best: 'session' | 'personal' | null;
  revision: number;
  part: string | null;
  rewound: boolean;
  channels: string[];
}

export interface Session {
  id: string;
  track: string;
  name: string;
  started: string;
  ended: string;
  machines: number;
  laps: number;
  points: number;
  parts: string[];
  live: boolean;
  pinned: boolean;
}

export interface Mark {
  type: 'mark';
  track?: string;
  session?: string;
  time: string;
  kind: string;
  chassis?: string | null;
  text?: string;
}

export interface Notice {
  type: string;
  state: 'raised' | 'cleared';
  severity: 'critical' | 'high' | 'medium' | 'low';
  message: string;
  chassis: string;
  timestamp: number;
  data: Record<string, unknown>;
}

export interface Alert {
  type: 'alert';
  name: string;
  state: 'raised' | 'cleared';
  severity: string;
  track: string;
  chassis: string;
  time: string;
  value: number | null;
  message: string;
}

export interface Series {
  track: string;
  chassis: string;
  last_time?: string;
  last_seen: string;
  lap?: number;
  sector?: number;
  speed_kmh?: number | null;
  rate_hz?: number;
  points: number;
  clock_offset_ms?: number;
  series: number;
  tags?: Record<string, string>;
}

export interface TrackLine {
  name: string;
  frame: 'world' | 'gps' | 'none';
  origin?: [number, number] | null;
  length_m: number;
  line: [number, number][];
  sectors: { sector: number; from_m: number; to_m: number; name?: string }[];
  learned_from: number;
}

export interface Trace {
  lap: Lap | null;
  x: (number | null)[];
  x_unit: 's' | 'm';
  fields: Record<string, (number | null)[]>;
  points: number;
  of: number;
  lost?: number;
  gone_before?: string;
}

export interface ComparedLap {
  id: string;
  chassis: string;
  lap: number;
  lap_time_s: number | null;
  fields: Record<string, (number | null)[]>;
  delta_s: (number | null)[];
  lost?: number;
}

export interface Comparison {
  x: number[];
  x_unit: 'm';
  laps: ComparedLap[];
}

export interface Rollup {
  window: string;
  window_id: string;
  track: string;
  chassis: string;
  lap: number;
  sector: number;
  count: number;
  first_ts: string;
  last_ts: string;
  tags: Record<string, string>;
  [statistic: string]: number | string | Record<string, string>;
}

/** `/api/health` and `system_update`; its objects are read by name where they are shown. */
export type Health = Record<string, unknown> & { ok?: boolean; now?: string; wsPath?: string; problems?: unknown[]; notices?: unknown[] };

export type LiveMessage =
  | { type: 'telemetry_update'; data: Point[]; recorded?: boolean }
  | { type: 'insight_update'; insights: Notice[] }
  | Standings
  | (Lap & { type: 'lap_update'; cursor: string })
  | (Mark & { cursor: string })
  | (Alert & { cursor: string })
  | { type: 'system_update'; data: Health }
  | { type: 'subscribed'; cursors?: Record<string, string> }
  | { type: 'error'; reason: string; message: string }
  | { type: 'gap'; missed?: number; channel?: string; gone_before?: string }
  | { type: 'pong'; id?: string | number };
