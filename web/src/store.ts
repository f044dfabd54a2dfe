import { eventMs, type Message, type Notice, type Point, type Standing, type Standings } from './messages';

const TRACE_POINTS = 4096;
const MAX_CARS = 5000;
const MAX_NOTICES = 30;

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
  standing: Standing | undefined;
  seenAt: number;
  eventMs: number;
  readonly trace: SpeedRing;
}

/** All that the page knows. Messages go in; views read. */
export class Store {
  readonly cars = new Map<string, Car>();
  readonly notices: Notice[] = [];
  noticesChanged = 0;
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
        this.applyNotices(message.insights);
        break;
      case 'standings_update':
        this.applyStandings(message);
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
        standing: undefined, seenAt: now, eventMs: 0, trace: new SpeedRing(),
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

  /** A car that is in its track's order no longer has no place in it. */
  applyStandings(standings: Standings): void {
    const places = new Map(standings.cars.map((standing) => [standing.chassis, standing]));
    for (const car of this.cars.values()) {
      if (car.track === standings.track) car.standing = places.get(car.chassis);
    }
  }

  /** One that is cleared stays in the list, where it was raised. */
  private applyNotices(notices: Notice[]): void {
    for (const notice of notices) {
      if (notice.state === 'raised') {
        this.notices.unshift(notice);
        continue;
      }
      const raised = this.notices.findIndex(
        (n) => n.state === 'raised' && n.type === notice.type && n.chassis === notice.chassis && sameFigure(n, notice),
      );
      if (raised >= 0) this.notices[raised] = { ...this.notices[raised]!, state: 'cleared' };
    }
    if (notices.length > 0) this.noticesChanged++;
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

function sameFigure(a: Notice, b: Notice): boolean {
  return Object.keys(a.data)[0] === Object.keys(b.data)[0];
}
