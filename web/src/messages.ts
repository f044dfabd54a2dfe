/** What the server sends, as far as the page reads it. */

export interface Point {
  track: string;
  chassis: string;
  meta_time: string | number;
  lap?: number;
  sector?: number;
  speed_kmh?: number;
}

/** One car in the order of its track. What is not known is null. */
export interface Standing {
  chassis: string;
  position: number;
  gap_leader_s: number | null;
  gap_ahead_s: number | null;
  laps_behind: number;
  last_lap_s: number | null;
  best_lap_s: number | null;
}

export interface Standings {
  type: 'standings_update';
  track: string | null;
  cars: Standing[];
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

export type Message =
  | { type: 'telemetry_update'; data: Point[] }
  | { type: 'insight_update'; insights: Notice[] }
  | Standings
  | { type: 'gap'; missed: number };

/** Event time in ms since 1970: a number is s, ms, us or ns by its size. */
export function eventMs(time: string | number): number {
  if (typeof time === 'string') {
    const zoned = /(Z|[+-]\d\d:?\d\d)$/i.test(time) ? time : `${time}Z`;
    return Date.parse(zoned);
  }
  if (time < 1e11) return time * 1e3;
  if (time < 1e14) return time;
  return time < 1e17 ? time / 1e3 : time / 1e6;
}
