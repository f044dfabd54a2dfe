// A race that was driven by now, and goes on: cars on a circuit with two straights and two bends, with positions by GPS.
const LENGTH_M = 1200;
const STRAIGHT_M = 360;
const RADIUS_M = (LENGTH_M - 2 * STRAIGHT_M) / (2 * Math.PI);
const LATITUDE = 50.33;
const LONGITUDE = 6.94;
const PER_DEGREE = 111_195;
export const HZ = 25;

function placeOf(distance) {
  const at = ((distance % LENGTH_M) + LENGTH_M) % LENGTH_M;
  const bend = Math.PI * RADIUS_M;
  if (at < STRAIGHT_M) return [at, 0];
  if (at < STRAIGHT_M + bend) {
    const angle = (at - STRAIGHT_M) / RADIUS_M;
    return [STRAIGHT_M + RADIUS_M * Math.sin(angle), RADIUS_M - RADIUS_M * Math.cos(angle)];
  }
  if (at < 2 * STRAIGHT_M + bend) return [STRAIGHT_M - (at - STRAIGHT_M - bend), 2 * RADIUS_M];
  const angle = (at - 2 * STRAIGHT_M - bend) / RADIUS_M;
  return [-RADIUS_M * Math.sin(angle), RADIUS_M + RADIUS_M * Math.cos(angle)];
}

/** Metres a second at a place: 50 on the straights, 22 in the bends, with ways between. */
function speedAt(distance, pace) {
  const bend = Math.PI * RADIUS_M;
  const at = ((distance % LENGTH_M) + LENGTH_M) % LENGTH_M;
  const half = at % (STRAIGHT_M + bend);
  const inBend = half > STRAIGHT_M ? Math.sin((Math.PI * (half - STRAIGHT_M)) / bend) : 0;
  return (50 - 28 * inBend) * pace;
}

/** One car's points from its start on: `next(untilMs)` are those up to a time. */
export class Car {
  constructor(name, startMs, pace, more = {}) {
    Object.assign(this, { name, ms: startMs, pace, distance: 0, seq: 0, more });
  }

  next(untilMs) {
    const points = [];
    for (; this.ms <= untilMs; this.ms += 1000 / HZ) {
      const speed = speedAt(this.distance, this.pace);
      const [east, north] = placeOf(this.distance);
      points.push({
        meta_time: new Date(Math.round(this.ms)).toISOString(), track: 'oval', chassis: this.name, lap: 1 + Math.floor(this.distance / LENGTH_M),
        lapdist_m: Number((this.distance % LENGTH_M).toFixed(2)), speed_kmh: Number((speed * 3.6).toFixed(2)),
        throttle: speed > 45 ? 1 : 0.2, brake: speed < 30 ? 0.6 : 0, gear: Math.max(2, Math.round(speed / 9)), rpm: Math.round(speed * 140),
        lat: LATITUDE + north / PER_DEGREE, lon: LONGITUDE + east / (PER_DEGREE * Math.cos((LATITUDE * Math.PI) / 180)), seq: this.seq++,
        ...this.more,
      });
      this.distance += speed / HZ;
    }
    return points;
  }
}

/** Drives `seconds` from `begun` (ms) on into the server, at once. */
export async function driveRace(server, { begun, seconds, names = ['Ångström', 'car 2', 'car 3', 'car 4'], more = {} }) {
  const cars = names.map((name, index) => new Car(name, begun + index * 600, 1 - 0.004 * index, more));
  const ingestUntil = async (until) => {
    const points = cars.flatMap((car) => car.next(until));
    if (points.length > 0) await server.ingest(points);
  };
  const end = begun + seconds * 1000;
  for (let until = begun; until < end; until += 10_000) await ingestUntil(Math.min(until + 10_000, end));
  return { cars, ingestUntil };
}

/** Drives `seconds` up to now into the server, then goes on live until `stop()`. Names are those of the cars. */
export async function startRace(server, { seconds = 150, names = ['Ångström', 'car 2', 'car 3', 'car 4'], more = {} } = {}) {
  const { cars, ingestUntil } = await driveRace(server, { begun: Date.now() - seconds * 1000, seconds, names, more });
  let going = true;
  const drive = async () => {
    while (going) {
      try {
        await ingestUntil(Date.now());
      } catch {
        // A server that is away takes none of it: what was driven meanwhile is lost, as on a bad line.
      }
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  };
  const driving = drive();
  return { cars, stop: () => ((going = false), driving) };
}
