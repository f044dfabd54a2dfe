import { eventMs, type Gap, type Message, type Notice, type Point } from './messages';

const TRACE_POINTS = 4096;
const MAX_CARS = 5000;
const MAX_NOTICES = 30;
const NOTICE_REPEAT_MS = 30_000;

/** The newest speeds of one car: a ring of (event time, speed). */
export class SpeedRing {
  private readonly times = new Float64Array(TRACE_POINTS);
  private readonly speeds = new Float64Array(TRACE_POINTS);
  private next = 0;
  length = 0;

  push(ms: number, speed: number): void {
    this.times[this.next] = ms;
    this.speeds[this.next] = speed;
    this.next = (this.next + 1) % TRACE_POINTS;
    this.length = Math.min(this.length + 1, TRACE_POINTS);
  }

  /** Pairs from `sinceMs` on, oldest first. */
  since(sinceMs: number): [number, number][] {
    const out: [number, number][] = [];
    for (let i = 0; i < this.length; i++) {
      const at = (this.next - this.length + i + TRACE_POINTS) % TRACE_POINTS;
      const ms = this.times[at]!;
      if (ms >= sinceMs) out.push([ms, this.speeds[at]!]);
    }
    return out.sort((a, b) => a[0] - b[0]);
  }
}

export interface Car {
  readonly chassis: string;
  track: string;
  lap: number | undefined;
  sector: number | undefined;
  speed: number | undefined;
  position: number | undefined;
  gap: number | undefined;
  seenAt: number;
  eventMs: number;
  readonly trace: SpeedRing;
}

/** All that the page knows. Messages go in; views read. */
export class Store {
  readonly cars = new Map<string, Car>();
  readonly notices: Notice[] = [];
  private readonly noticed = new Map<string, number>();
  points = 0;
  messages = 0;
  missed = 0;
  newestEventMs = 0;

  apply(message: Message, now: number): void {
    this.messages++;
    switch (message.type) {
      case 'telemetry_update':
        for (const point of message.data) this.applyPoint(point, now);
        this.points += message.data.length;
        break;
      case 'insight_update':
        this.applyGaps(message.gaps);
        this.applyNotices(message.insights);
        break;
      case 'gap':
        this.missed += message.missed;
        break;
    }
  }

  applyPoint(point: Point, now: number): void {
    let car = this.cars.get(point.chassis);
    if (!car) {
      if (this.cars.size >= MAX_CARS) this.forgetOldest();
      car = {
        chassis: point.chassis, track: point.track, lap: undefined, sector: undefined, speed: undefined,
        position: undefined, gap: undefined, seenAt: now, eventMs: 0, trace: new SpeedRing(),
      };
      this.cars.set(point.chassis, car);
    }
    const ms = eventMs(point.meta_time);
    car.track = point.track;
    car.seenAt = now;
    if (point.lap !== undefined) car.lap = point.lap;
    if (point.sector !== undefined) car.sector = point.sector;
    if (typeof point.speed_kmh === 'number') {
      car.speed = point.speed_kmh;
      if (Number.isFinite(ms)) car.trace.push(ms, point.speed_kmh);
    }
    if (Number.isFinite(ms)) {
      car.eventMs = ms;
      this.newestEventMs = Math.max(this.newestEventMs, ms);
    }
  }

  private applyGaps(gaps: Gap[]): void {
    for (const gap of gaps) {
      const car = this.cars.get(gap.chassis);
      if (!car) continue;
      car.position = gap.position;
      car.gap = gap.gapToLeader;
    }
  }

  /** A notice comes again with every update while it holds; the list shows it once in a while. */
  private applyNotices(notices: Notice[]): void {
    for (const notice of notices) {
      const key = `${notice.type} ${notice.severity} ${notice.chassis}`;
      const before = this.noticed.get(key);
      if (before !== undefined && notice.timestamp - before < NOTICE_REPEAT_MS) continue;
      if (this.noticed.size > MAX_CARS) this.noticed.clear();
      this.noticed.set(key, notice.timestamp);
      this.notices.unshift(notice);
    }
    this.notices.length = Math.min(this.notices.length, MAX_NOTICES);
  }

  private forgetOldest(): void {
    let oldest: Car | undefined;
    for (const car of this.cars.values()) {
      if (!oldest || car.seenAt < oldest.seenAt) oldest = car;
    }
    if (oldest) this.cars.delete(oldest.chassis);
  }
}
