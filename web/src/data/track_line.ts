import type { Lap, TrackLine } from '../model/messages';
import { getJson, query } from '../net/api';
import { useQuery } from '../net/query';

/** Games that do not tell the track have a line a session. */
const LINE_OF_SESSION = /^(gt7|forza)/;
const LOOKED_AT = 200;

/** Whether a track's line can be learned: asking for one that cannot is an error, to whoever reads the browser's console. */
async function canBeLearned(track: string, abort: AbortSignal): Promise<boolean> {
  const { laps } = await getJson<{ laps: Lap[] }>(`/api/laps${query({ track, limit: LOOKED_AT })}`, abort);
  return laps.some((lap) => lap.complete && lap.valid !== false && lap.pit_in !== true && lap.pit_out !== true);
}

async function read(track: string, session: string | undefined, abort: AbortSignal): Promise<TrackLine | undefined> {
  if (!(await canBeLearned(track, abort))) return undefined;
  return getJson<TrackLine>(`/api/track/${encodeURIComponent(track)}${query({ session })}`, abort);
}

/** The line of a track, once there is one; asked for again after `everyMs`, since later laps make it better. */
export function useTrackLine(track: string | undefined, session: string | undefined, everyMs?: number): TrackLine | undefined {
  const ofSession = track !== undefined && LINE_OF_SESSION.test(track) ? session : undefined;
  const key = track === undefined ? undefined : `line ${track} ${ofSession ?? ''}`;
  return useQuery(key, (abort) => read(track!, ofSession, abort), everyMs).data;
}
