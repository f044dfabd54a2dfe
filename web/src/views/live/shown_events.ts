import { signal } from '@preact/signals';
import { alertEvent, events, markEvent, standings, type EventEntry } from '../../data/race';
import type { Alert, Mark, Session } from '../../model/messages';
import { allPages, query } from '../../net/api';
import type { Race } from './race_choice';

/** What happened in the race that is looked at: what came live, and what was recorded of its session. */

const MOST_RECORDED = 2000;

const recorded = signal<{ session: string; entries: readonly EventEntry[] } | undefined>(undefined);

/** Marks and alerts of a session, of whatever age. */
export async function readEvents(session: Session): Promise<void> {
  const asked = query({ track: session.track, from: session.started, to: session.live ? undefined : session.ended });
  try {
    const [marks, alerts] = await Promise.all([allPages<Mark>(`/api/marks${asked}`, 'marks', MOST_RECORDED), allPages<Alert>(`/api/alerts${asked}`, 'alerts', MOST_RECORDED)]);
    recorded.value = { session: session.id, entries: [...marks.map(markEvent), ...alerts.map(alertEvent)] };
  } catch {
    // What comes live is shown; it is read again with the next look at the session.
  }
}

/** The newest first. Notices name no track: those of its cars are its own. */
export function shownEvents(race: Race): EventEntry[] {
  const cars = new Set(standings.value.get(race.track)?.cars.map((car) => car.chassis));
  const mine = (entry: EventEntry) => (entry.track === undefined ? entry.chassis !== undefined && cars.has(entry.chassis) : entry.track === race.track);
  const all = new Map<string, EventEntry>();
  if (recorded.value?.session === race.session) for (const entry of recorded.value?.entries ?? []) all.set(entry.key, entry);
  if (race.live) for (const entry of events.value) if (mine(entry)) all.set(entry.key, entry);
  return [...all.values()].sort((a, b) => b.ms - a.ms);
}
