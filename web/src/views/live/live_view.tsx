import { useEffect, useRef } from 'preact/hooks';
import { wantCars } from '../../data/cars';
import { readLaps, standings } from '../../data/race';
import { useTrackLine } from '../../data/track_line';
import { name as shownName } from '../../model/format';
import type { Series, Session } from '../../model/messages';
import { getJson } from '../../net/api';
import { reconnected } from '../../net/feed';
import { useQuery } from '../../net/query';
import { isLive, pinnedAt, seek, watchedTrack } from '../../state/watch';
import { eventMs } from '../../model/time';
import { listParam, param, route, setParams } from '../../state/url';
import { Chip, Problem } from '../../ui/parts';
import { footer, place } from '../../ui/shell';
import { FleetView } from '../fleet/fleet_view';
import { FirstSteps } from './first_steps';
import { CarCard } from './car_card';
import { EventsPanel } from './events_panel';
import { MapPanel } from './map_panel';
import { chosenCars, namedSession, orderAt, race, type Race } from './race_choice';
import { ScrubBar } from './scrub_bar';
import { readEvents } from './shown_events';
import { Tower } from './tower';
import { TraceSource } from './trace_source';
import { Traces } from './traces';

/** The pit wall: the order, traces, the map, what a car tells, what happened. A fleet without laps has a view of its own. */
export function LiveView() {
  const shown = race.value;
  const wantedSession = param('session');
  const sessions = useQuery('sessions', (abort) => getJson<{ sessions: Session[] }>('/api/sessions', abort), 10_000);
  const series = useQuery('series', () => getJson<{ series: Series[] }>('/api/series'), shown ? 10_000 : 2000);
  const session = sessions.data?.sessions.find((known) => known.id === (wantedSession ?? shown?.session));
  // A session that has just begun, or was just named, is asked for at once.
  useEffect(() => {
    if (session === undefined && (shown?.session ?? wantedSession) !== undefined) sessions.again();
  }, [shown?.session, wantedSession]);
  useEffect(() => {
    if (session) namedSession.value = session;
  }, [session]);
  // Tracks whose machines tell no laps have no order.
  const fleets = [...new Set((series.data?.series ?? []).map((each) => each.track))].filter((track) => !standings.value.has(track));
  const asked = param('track');
  if (asked !== undefined && wantedSession === undefined && fleets.includes(asked)) return <FleetView />;
  if (shown && (shown.live || shown.session !== undefined)) return <RaceView race={shown} session={session} fleets={fleets} />;
  if (wantedSession !== undefined) {
    return <div class="view"><Problem error={sessions.error} />{sessions.data && <p class="problem">There is no session {shownName(wantedSession)} here. <a href="#/sessions">All sessions</a></p>}</div>;
  }
  if (series.data && series.data.series.length > 0) return <FleetView />;
  return <FirstSteps error={series.error} asked={series.data !== undefined} />;
}

function RaceView(props: { race: Race; session: Session | undefined; fleets: readonly string[] }) {
  const { session } = props;
  const shown = props.race;
  const line = useTrackLine(shown.track, shown.session, 20_000);
  const cars = chosenCars.value;
  const channels = listParam('channels');
  const source = useRef(new TraceSource());
  useEffect(() => () => source.current.close(), []);
  const order = shown.live ? orderAt(shown, true, 0) : orderAt(shown, false, session ? eventMs(session.ended) : NaN);

  useEffect(() => {
    watchedTrack.value = shown.track;
  }, [shown.track]);
  useEffect(() => {
    if (shown.session !== undefined) void readLaps(shown.session);
  }, [shown.session, reconnected.value]);
  useEffect(() => {
    if (session) void readEvents(session);
  }, [session?.id, shown.live]);
  // Whoever comes without a choice sees the first two.
  useEffect(() => {
    if (param('cars') !== undefined || !order || order.rows.length === 0) return;
    setParams({ cars: order.rows.slice(0, 2).map((row) => row.chassis) });
  }, [order === undefined || order.rows.length === 0, shown.track, param('cars') === undefined]);
  useEffect(() => {
    wantCars(shown.live ? { track: shown.track, session: shown.session, cars, channels } : undefined);
  }, [shown.live, shown.track, shown.session, cars.join('\n'), channels.join()]);
  useEffect(() => () => wantCars(undefined), []);
  // A session that is over begins to be looked at where it began.
  useEffect(() => {
    if (!shown.live && session && pinnedAt.value === undefined) seek(eventMs(session.started));
  }, [shown.live, session?.id]);
  useEffect(() => {
    const title = session?.name || shownName(shown.track);
    const lap = order?.rows[0]?.lap;
    place.value = [title, session?.name ? shownName(shown.track) : '', shown.live && lap !== undefined ? `lap ${lap}` : '',
      order ? `${order.rows.length} cars` : '', isLive.value || !shown.live ? '' : 'looking back'].filter((part) => part !== '').join(' · ');
  }, [shown, session, order?.rows[0]?.lap, order?.rows.length, isLive.value]);
  useEffect(() => {
    footer.value = <ScrubBar race={shown} session={session} />;
    return () => {
      footer.value = null;
    };
  }, [shown, session]);

  const others = [...standings.value.keys(), ...props.fleets];
  const mapAlone = route.value.view === 'map';
  return (
    <div class={`view live ${mapAlone ? 'map-alone' : ''}`}>
      {others.length > 1 && (
        <div class="chips tracks" role="group" aria-label="Tracks">
          {others.map((track) => <Chip key={track} on={track === shown.track} onClick={() => setParams({ track, session: undefined, cars: undefined, at: undefined, speed: undefined })}>{shownName(track)}</Chip>)}
        </div>
      )}
      {mapAlone ? <MapPanel race={shown} line={line} source={source.current} /> : (
        <>
          <Tower race={shown} />
          <Traces race={shown} line={line} hasLaps source={source.current} />
          <div class="side">
            <MapPanel race={shown} line={line} source={source.current} />
            <CarCard race={shown} source={source.current} />
            <EventsPanel race={shown} />
          </div>
        </>
      )}
    </div>
  );
}
