import { useEffect, useRef, useState } from 'preact/hooks';
import { lapsOfSession, sessions as allSessions } from '../../data/session_laps';
import { useTrackLine } from '../../data/track_line';
import { day, duration, lapTime, name as shownName, whole } from '../../model/format';
import type { Session } from '../../model/messages';
import { eventMs } from '../../model/time';
import { ApiError, download, sendJson } from '../../net/api';
import { useQuery } from '../../net/query';
import { href, param, setParams } from '../../state/url';
import { Empty, formText, Panel, Problem, Scroll, Time } from '../../ui/parts';
import { place } from '../../ui/shell';
import { toast } from '../../ui/toasts';
import { Thumbnail } from './thumbnail';

const AT_ONCE = 40;

/** All that was driven: by session, the newest first; to open, to name, to keep. */
export function SessionsView() {
  const list = useQuery('sessions', allSessions, 5000);
  const [count, setCount] = useState(AT_ONCE);
  const text = param('search') ?? '';
  useEffect(() => {
    place.value = 'sessions';
  }, []);
  const fitting = (list.data ?? []).filter((session) => fits(session, text));
  const tools = (
    <>
      <input type="search" placeholder="Track, name, day" aria-label="Search sessions" value={text} data-testid="search"
        onInput={(event) => setParams({ search: event.currentTarget.value || undefined })} />
      <span class="muted">{list.data ? `${whole(fitting.length)} of ${whole(list.data.length)}` : ''}</span>
      <span class="grow" />
      <button type="button" onClick={() => void download('/api/sessions', 'sessions.csv')}>CSV</button>
    </>
  );
  return (
    <div class="view sessions">
      <Panel title="Sessions" tools={tools}>
        <Problem error={list.error} again={list.again} />
        {list.data && fitting.length === 0 && (
          text === '' ? <Empty title="No session yet"><p>One begins with the first points of a track. <a href={href('live')}>How to send some</a></p></Empty>
            : <Empty title="None fits"><p>Nothing here has “{text}” in its name, its track or its day.</p></Empty>
        )}
        <Scroll label="Sessions">
          <ul class="session-list">
            {fitting.slice(0, count).map((session) => <Row key={session.id} session={session} again={list.again} />)}
          </ul>
          {fitting.length > count && <p class="more"><button type="button" onClick={() => setCount(count + AT_ONCE)}>{whole(fitting.length - count)} more</button></p>}
        </Scroll>
      </Panel>
    </div>
  );
}

function fits(session: Session, text: string): boolean {
  const words = `${session.name} ${session.track} ${day(eventMs(session.started))} ${session.parts.join(' ')}`.toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => words.includes(word));
}

function Row(props: { session: Session; again: () => void }) {
  const { session, again } = props;
  const [naming, setNaming] = useState(false);
  const rename = useRef<HTMLButtonElement>(null);
  const leave = () => {
    setNaming(false);
    rename.current?.focus();
  };
  // Its track and its fastest laps: asked for once, and again when there are more laps.
  const line = useTrackLine(session.track, session.id);
  const laps = useQuery(`fastest ${session.id} ${session.laps}`, (abort) => lapsOfSession(session.id, abort));
  const fastest = (laps.data ?? []).filter((lap) => lap.lap_time_s !== null && lap.valid !== false).sort((a, b) => a.lap_time_s! - b.lap_time_s!).slice(0, 3);
  const started = eventMs(session.started);
  const change = async (edit: { name?: string; pinned?: boolean }) => {
    try {
      await sendJson<Session>('PATCH', `/api/sessions/${session.id}`, edit);
      again();
    } catch (error) {
      toast(error instanceof ApiError ? error.message : String(error));
    }
  };
  const title = session.name || session.track;
  return (
    <li data-testid="session-row" data-session={session.id}>
      <Thumbnail line={line} />
      <div class="what">
        {naming ? (
          <form class="chips" onSubmit={(event) => {
            event.preventDefault();
            void change({ name: formText(event.currentTarget, 'name') });
            leave();
          }}>
            <input type="text" name="name" defaultValue={session.name} maxLength={128} aria-label="Name of the session" ref={(field) => field?.focus()}
              onKeyDown={(event) => event.key === 'Escape' && leave()} />
            <button type="submit">Keep</button>
            <button type="button" onClick={leave}>Leave it</button>
          </form>
        ) : (
          <a class="name title" href={href('live', '', session.live ? { session: session.id } : { session: session.id, at: session.started })}>{shownName(title)}</a>
        )}
        <span class="muted">
          {session.live && <span class="good">live · </span>}
          {session.name ? `${shownName(session.track)} · ` : ''}{day(started)} <Time ms={started} /> · {duration((eventMs(session.ended) - started) / 1000)}
        </span>
        <span class="muted">{whole(session.machines)} machine{session.machines === 1 ? '' : 's'} · {whole(session.laps)} lap{session.laps === 1 ? '' : 's'} · {whole(session.points)} points{session.parts.length > 1 ? ` · ${session.parts.length} parts` : ''}</span>
      </div>
      <ol class="fastest" aria-label="Fastest laps">
        {fastest.map((lap, index) => (
          <li key={lap.id}><span class={`num ${index === 0 ? 'best' : ''}`}>{lapTime(lap.lap_time_s)}</span> <span class="name">{shownName(lap.chassis)}</span></li>
        ))}
        {laps.data && fastest.length === 0 && <li class="muted">no timed lap</li>}
      </ol>
      <div class="chips">
        <a class="button" href={href('laps', session.id)}>Laps</a>
        {fastest.length >= 2 && <a class="button" href={href('compare', '', { laps: fastest.slice(0, 2).map((lap) => lap.id) })}>Compare best</a>}
        <button type="button" ref={rename} onClick={() => setNaming(!naming)}>Rename</button>
        <button type="button" aria-pressed={session.pinned} title="A pinned session keeps its points, whatever the retention" onClick={() => void change({ pinned: !session.pinned })}>
          {session.pinned ? 'Pinned' : 'Pin'}
        </button>
      </div>
    </li>
  );
}
