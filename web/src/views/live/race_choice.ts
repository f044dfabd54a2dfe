import { computed, signal } from '@preact/signals';
import type { Lap, Session, Standings } from '../../model/messages';
import { defaultTrack, heardOf, laps, raceState, standings, standingsAt } from '../../data/race';
import { eventMs } from '../../model/time';
import { listParam, param, setParams } from '../../state/url';
import { MOST_CARS } from '../../ui/colours';
import { toast } from '../../ui/toasts';

/** Which race the live view shows, and which of its cars. */

export interface Race {
  track: string;
  session: string | undefined;
  /** Cars of it drive now; else it is looked at as it was. */
  live: boolean;
}

/** A session that the address names is asked for by the view, since it may be no running one. */
export const namedSession = signal<Session | undefined>(undefined);

function sameRace(a: Race | undefined, b: Race | undefined): boolean {
  return a?.track === b?.track && a?.session === b?.session && a?.live === b?.live;
}

let known: Race | undefined;

/** The same object as long as it says the same, though standings come five times a second. */
export const race = computed<Race | undefined>(() => {
  const now = raceOfAddress();
  if (!sameRace(now, known)) known = now;
  return known;
});

function raceOfAddress(): Race | undefined {
  const session = param('session');
  if (session !== undefined) {
    const running = [...standings.value.values()].find((order) => order.session === session);
    if (running) return { track: running.track, session, live: true };
    const named = namedSession.value;
    return named && (named.id === session) ? { track: named.track, session, live: false } : undefined;
  }
  const track = param('track') ?? defaultTrack.value;
  if (track === undefined) return undefined;
  const order = standings.value.get(track);
  return { track, session: order?.session ?? undefined, live: order !== undefined };
}

export const chosenCars = computed(() => listParam('cars').slice(0, MOST_CARS));

export function toggleCar(chassis: string): void {
  const chosen = chosenCars.value;
  if (chosen.includes(chassis)) {
    setParams({ cars: chosen.filter((name) => name !== chassis) });
  } else if (chosen.length >= MOST_CARS) {
    toast(`${MOST_CARS} cars at most are shown together: take one off first.`);
  } else {
    setParams({ cars: [...chosen, chassis] });
  }
}

/** A row of the tower. What is not known is null. */
export interface TowerRow {
  position: number;
  chassis: string;
  lap: number;
  gapLeaderS: number | null;
  gapAheadS: number | null;
  lapsBehind: number;
  lastLapS: number | null;
  bestLapS: number | null;
  sector: number | null;
  sectorsS: (number | null)[];
  bestSectorsS: (number | null)[];
  compound: string | null;
  tyreAge: number | null;
  pit: boolean;
  silentS: number;
  loss: number | null;
}

export interface Order {
  rows: TowerRow[];
  bestSectorsS: (number | null)[];
  bestLapS: number | null;
  /** Gaps are those at the last crossing of the line, not of this instant. */
  atLine: boolean;
}

function minimum(values: (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/** `unheardS`: for how long nothing was said of the track at all. */
export function orderOf(message: Standings, unheardS = 0): Order {
  const rows = message.cars.map((car): TowerRow => ({
    position: car.position, chassis: car.chassis, lap: car.lap, gapLeaderS: car.gap_leader_s, gapAheadS: car.gap_ahead_s,
    lapsBehind: car.laps_behind, lastLapS: car.last_lap_s, bestLapS: car.best_lap_s, sector: car.sector, sectorsS: car.sectors_s,
    bestSectorsS: car.best_sectors_s, compound: car.compound, tyreAge: car.tyre_age_laps, pit: (car.pit ?? 0) > 0, silentS: car.silent_s + unheardS,
    loss: car.loss,
  }));
  return { rows, bestSectorsS: message.best_sectors_s, bestLapS: minimum(rows.map((row) => row.bestLapS)), atLine: false };
}

/** Of each sector the least time; null where no lap tells it. */
function bestSectorsOf(known: readonly Lap[]): (number | null)[] {
  const counted = known.filter((lap) => lap.valid !== false && lap.sector_times_s !== null);
  const sectors = Math.max(0, ...counted.map((lap) => lap.sector_times_s!.length));
  return Array.from({ length: sectors }, (_, sector) => minimum(counted.map((lap) => lap.sector_times_s![sector] ?? null)));
}

interface Crossing { lap: Lap; startMs: number; endMs: number }

/**
 * The order as the laps tell it for a moment that was: cars by how many times, and how early, they had crossed the line. Between two
 * crossings nobody's gap is known from laps, so gaps are those at the last line.
 */
export function orderFromLaps(known: Iterable<Lap>, ms: number): Order {
  const machines = new Map<string, Crossing[]>();
  for (const lap of known) {
    const startMs = eventMs(lap.started);
    if (startMs > ms) continue;
    const crossing = { lap, startMs, endMs: eventMs(lap.ended) };
    const all = machines.get(lap.chassis);
    if (all) all.push(crossing);
    else machines.set(lap.chassis, [crossing]);
  }
  const cars = [...machines].map(([chassis, crossings]) => {
    crossings.sort((a, b) => a.startMs - b.startMs);
    const now = crossings[crossings.length - 1]!;
    const closed = crossings.filter((crossing) => crossing.endMs <= ms && crossing.lap.revision > 0).map((crossing) => crossing.lap);
    const last = closed[closed.length - 1];
    return {
      chassis, now, last,
      silentS: Math.max(0, (ms - now.endMs) / 1000),
      bestSectors: bestSectorsOf(closed),
      best: minimum(closed.filter((lap) => lap.valid !== false).map((lap) => lap.lap_time_s)),
      starts: new Map(crossings.map((crossing) => [crossing.lap.lap, crossing.startMs])),
    };
  });
  cars.sort((a, b) => b.now.lap.lap - a.now.lap.lap || a.now.startMs - b.now.startMs || a.chassis.localeCompare(b.chassis));
  const leader = cars[0];
  const gapTo = (car: (typeof cars)[number], other: (typeof cars)[number] | undefined) => {
    const theirs = other?.starts.get(car.now.lap.lap);
    return theirs === undefined || theirs > car.now.startMs ? null : (car.now.startMs - theirs) / 1000;
  };
  const bestSectors = bestSectorsOf([...machines.values()].flatMap((crossings) => crossings.filter((crossing) => crossing.endMs <= ms).map((crossing) => crossing.lap)));
  const rows = cars.map((car, index): TowerRow => ({
    position: index + 1, chassis: car.chassis, lap: car.now.lap.lap,
    gapLeaderS: index === 0 ? 0 : gapTo(car, leader), gapAheadS: index === 0 ? null : gapTo(car, cars[index - 1]),
    lapsBehind: leader ? Math.max(0, leader.now.lap.lap - car.now.lap.lap) : 0,
    lastLapS: car.last?.lap_time_s ?? null, bestLapS: car.best, sector: null, sectorsS: car.last?.sector_times_s ?? [], bestSectorsS: car.bestSectors,
    compound: car.now.lap.compound ?? car.last?.compound ?? null, tyreAge: null, pit: false, silentS: car.silentS, loss: null,
  }));
  return { rows, bestSectorsS: bestSectors, bestLapS: minimum(rows.map((row) => row.bestLapS)), atLine: true };
}

/** Laps since a car's last stop, where the source tells when it was in the pits. */
export function lapsSinceStop(known: Iterable<Lap>, chassis: string, lap: number): number | null {
  let out: number | null = null;
  for (const each of known) if (each.chassis === chassis && each.pit_out === true && each.lap <= lap) out = Math.max(out ?? 0, each.lap);
  return out === null ? null : lap - out;
}

/** The order at a moment: as it was told then, or, where that is too long ago, as the laps tell it. */
export function orderAt(shown: Race, live: boolean, ms: number): Order | undefined {
  if (live) {
    const newest = standings.value.get(shown.track);
    // While the server is away its word of who is silent is as old as it is.
    const unheardS = raceState.value.state === 'live' ? 0 : (performance.now() - heardOf(shown.track)) / 1000;
    return newest && orderOf(newest, unheardS);
  }
  const told = shown.live ? standingsAt(shown.track, ms) : undefined;
  if (told) return orderOf(told);
  const order = orderFromLaps(laps.value.values(), ms);
  return order.rows.length > 0 ? order : undefined;
}
