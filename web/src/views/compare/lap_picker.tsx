import { useState } from 'preact/hooks';
import { lapsOfSession, sessions as allSessions } from '../../data/session_laps';
import { day, clock, lapTime, name as shownName } from '../../model/format';
import { eventMs } from '../../model/time';
import { useQuery } from '../../net/query';
import { setParams } from '../../state/url';
import { Problem } from '../../ui/parts';

const SHOWN = 60;

/** Laps that can be added to the comparison: those of a session, the fastest first. */
export function LapPicker(props: { chosen: readonly string[]; track?: string | undefined }) {
  const list = useQuery('sessions', allSessions);
  const [named, setNamed] = useState<string | undefined>(undefined);
  const [text, setText] = useState('');
  const fitting = (list.data ?? []).filter((session) => props.track === undefined || session.track === props.track);
  const session = named ?? fitting[0]?.id;
  const laps = useQuery(session === undefined ? undefined : `laps of ${session}`, (abort) => lapsOfSession(session!, abort));
  const shown = (laps.data ?? [])
    .filter((lap) => lap.complete && lap.lap_time_s !== null && !props.chosen.includes(lap.id) && (text === '' || lap.chassis.toLowerCase().includes(text.toLowerCase())))
    .sort((a, b) => a.lap_time_s! - b.lap_time_s!);
  return (
    <div class="lap-picker">
      <div class="chips">
        <select aria-label="Session" value={session ?? ''} onChange={(event) => setNamed(event.currentTarget.value)}>
          {fitting.map((each) => <option key={each.id} value={each.id}>{shownName(each.name || each.track)}, {day(eventMs(each.started))} {clock(eventMs(each.started))}</option>)}
        </select>
        <input type="search" placeholder="Car" aria-label="Only of cars with this in their name" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </div>
      <Problem error={list.error ?? laps.error} />
      {laps.data && shown.length === 0 && <p class="muted">No whole lap is known here yet.</p>}
      <ul>
        {shown.slice(0, SHOWN).map((lap) => (
          <li key={lap.id}>
            <button type="button" class="bare" data-testid="pick-lap" onClick={() => setParams({ laps: [...props.chosen, lap.id] })}>
              <span class="num">{lapTime(lap.lap_time_s)}</span> <b>{shownName(lap.chassis)}</b> <span class="muted">lap {lap.lap}{lap.best === 'session' ? ', best of all' : ''}</span>
            </button>
          </li>
        ))}
      </ul>
      {shown.length > SHOWN && <p class="muted">and {shown.length - SHOWN} slower ones: name the car, or choose in <a href={`#/laps/${session}`}>the table</a></p>}
    </div>
  );
}
