/** Event time in ms since 1970: text without a zone is UTC, a number is s, ms, us or ns by its size. NaN: it is no time. */
export function eventMs(time: string | number): number {
  if (typeof time === 'string') {
    const zoned = /(Z|[+-]\d\d:?\d\d)$/i.test(time) ? time : `${time}Z`;
    return Date.parse(zoned);
  }
  if (time < 1e11) return time * 1e3;
  if (time < 1e14) return time;
  return time < 1e17 ? time / 1e3 : time / 1e6;
}

/**
 * The event time that is "now" for a feed. Machines and servers have clocks of their own, and a viewer's may be minutes off, so it
 * is told by the newest event times that came and by how long ago (`performance.now()`) that was.
 */
export class FeedClock {
  private offset = NaN;
  private heardAt = 0;

  hear(eventTimeMs: number, now: number): void {
    const offset = eventTimeMs - now;
    if (!(offset < this.offset) || now - this.heardAt > 2000) {
      this.offset = offset;
      this.heardAt = now;
    }
  }

  /** NaN before anything was heard. */
  at(now: number): number {
    return now + this.offset;
  }
}
