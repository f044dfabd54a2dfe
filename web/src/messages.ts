/** What the server sends, as far as the page reads it. */

export interface Point {
  track: string;
  chassis: string;
  meta_time: string | number;
  lap?: number;
  sector?: number;
  speed_kmh?: number;
}

export interface Gap {
  chassis: string;
  position: number;
  gapToLeader: number;
}

export interface Notice {
  type: string;
  severity: 'critical' | 'high' | 'medium' | 'low';
  message: string;
  chassis: string;
  timestamp: number;
}

export type Message =
  | { type: 'telemetry_update'; data: Point[] }
  | { type: 'insight_update'; gaps: Gap[]; insights: Notice[] }
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
