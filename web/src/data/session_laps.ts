import type { Lap, Session } from '../model/messages';
import { allPages, getJson } from '../net/api';

/** An id of a lap begins with its session's. */
export function sessionOf(lapId: string): string {
  return lapId.split('-')[0] ?? '';
}

/** These laps, in the order asked for; those that nobody knows are left out. */
export async function lapsById(ids: readonly string[], abort?: AbortSignal): Promise<Lap[]> {
  const sessions = [...new Set(ids.map(sessionOf))];
  const all = await Promise.all(sessions.map((session) => lapsOfSession(session, abort)));
  const known = new Map(all.flat().map((lap) => [lap.id, lap]));
  return ids.map((id) => known.get(id)).filter((lap) => lap !== undefined);
}

export function lapsOfSession(session: string, abort?: AbortSignal): Promise<Lap[]> {
  return allPages<Lap>(`/api/laps?session=${encodeURIComponent(session)}`, 'laps', 20_000, abort);
}

export async function sessions(abort?: AbortSignal): Promise<Session[]> {
  return (await getJson<{ sessions: Session[] }>('/api/sessions', abort)).sessions;
}
