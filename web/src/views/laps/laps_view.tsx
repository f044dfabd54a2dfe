import { useEffect, useMemo, useState } from 'preact/hooks';
import { defaultTrack, laps as knownLaps, readLaps, standings } from '../../data/race';
import { sessions as allSessions } from '../../data/session_laps';
import { clock, day, name as shownName } from '../../model/format';
import type { Lap } from '../../model/messages';
import { eventMs } from '../../model/time';
import { download } from '../../net/api';
import { useQuery } from '../../net/query';
import { go, href, listParam, param, route, setParams } from '../../state/url';
import { colourOf, MOST_CARS } from '../../ui/colours';
import { Check, Chip, Empty, Menu, Panel, Problem, Swatch, Name } from '../../ui/parts';
import { place } from '../../ui/shell';
import { toast } from '../../ui/toasts';
import { LapCharts } from './lap_charts';
import { LapTable } from './lap_table';
import { Stints } from './stints';

const MOST_PICKED = 6;

/** All laps of a session: their times, how whole they are, how they went over the race; and the way to compare some. */
export function LapsView() {
  const list = useQuery('sessions', allSessions, 15_000);
  const live = standings.value.get(defaultTrack.value ?? '')?.session ?? undefined;
  const id = route.value.rest || live || list.data?.[0]?.id;
  const session = list.data?.find((each) => each.id === id);
  useEffect(() => {
    if (id !== undefined) void readLaps(id);
  }, [id]);
  useEffect(() => {
    place.value = session ? `${shownName(session.name || session.track)} · ${session.laps} laps` : 'laps';
  }, [session?.name, session?.laps]);
  const laps = useMemo(() => [...knownLaps.value.values()].filter((lap) => lap.session === id), [knownLaps.value, id]);
  const machines = useMemo(() => machinesOf(laps), [laps]);
  const chosen = listParam('cars').filter((chassis) => machines.includes(chassis)).slice(0, MOST_CARS);
  const charted = chosen.length > 0 ? chosen : machines.slice(0, 5);
  const picked = listParam('pick').filter((lapId) => laps.some((lap) => lap.id === lapId));
  const [tab, setTab] = [param('tab') ?? 'times', (to: string) => setParams({ tab: to === 'times' ? undefined : to })];
  const [onlyWhole, setOnlyWhole] = useState(false);

  if (id === undefined) {
    return (
      <div class="view">
        <Problem error={list.error} />
        {list.data && <Empty title="No session yet"><p>A session begins with the first points of a track. <a href="#/live">What is live</a></p></Empty>}
      </div>
    );
  }
  if (list.data && !session && route.value.rest !== '') {
    return <div class="view"><p class="problem">There is no session {shownName(id)} here. <a href="#/sessions">All sessions</a></p></div>;
  }
  const shown = laps.filter((lap) => (chosen.length === 0 || chosen.includes(lap.chassis)) && (!onlyWhole || lap.complete));
  const pick = (lap: Lap) => {
    if (picked.includes(lap.id)) setParams({ pick: picked.filter((each) => each !== lap.id) });
    else if (picked.length >= MOST_PICKED) toast(`${MOST_PICKED} laps at most are compared: take one off first.`);
    else setParams({ pick: [...picked, lap.id] });
  };
  const tools = (
    <>
      <select aria-label="Session" value={id} onChange={(event) => go('laps', event.currentTarget.value)}>
        {(list.data ?? []).map((each) => (
          <option key={each.id} value={each.id}>{shownName(each.name || each.track)}, {day(eventMs(each.started))} {clock(eventMs(each.started)).slice(0, 5)}{each.live ? ', live' : ''}</option>
        ))}
      </select>
      <CarsMenu machines={machines} chosen={chosen} />
      <Chip on={onlyWhole} onClick={() => setOnlyWhole(!onlyWhole)} title="Only laps that are known from line to line">Whole laps</Chip>
      <span class="grow" />
      {picked.length > 0 && <button type="button" onClick={() => setParams({ pick: undefined })}>Clear</button>}
      <button type="button" class="primary" disabled={picked.length < 2} data-testid="compare-picked" title={picked.length < 2 ? 'Choose two laps or more' : ''}
        onClick={() => go('compare', '', { laps: picked })}>Compare {picked.length > 0 ? picked.length : ''}</button>
      <button type="button" onClick={() => void download(`/api/laps?session=${id}&limit=1000`, `laps-${id}.csv`)}>CSV</button>
    </>
  );
  return (
    <div class="view laps">
      <Panel title="Laps" tools={tools}>
        {shown.length === 0 ? <Empty title="No lap yet"><p>A lap stands here once its machine has crossed the line. <a href={href('live', '', { session: id })}>What this session looks like</a></p></Empty>
          : <LapTable laps={shown} picked={picked} onPick={pick} session={id} />}
      </Panel>
      <Panel title="Over the race" tools={<>
        <Chip on={tab === 'times'} onClick={() => setTab('times')}>Lap times</Chip>
        <Chip on={tab === 'stints'} onClick={() => setTab('stints')}>Stints</Chip>
        <span class="chips">{charted.map((chassis, index) => <span key={chassis} class="chip"><Swatch colour={colourOf(index)} /><Name text={chassis} /></span>)}</span>
      </>}>
        {tab === 'stints' ? <Stints laps={laps} cars={machines} /> : <LapCharts laps={laps} cars={charted} />}
      </Panel>
    </div>
  );
}

/** In the order of their best laps; those without one behind. */
function machinesOf(laps: readonly Lap[]): string[] {
  const best = new Map<string, number>();
  for (const lap of laps) {
    const time = lap.valid === false ? Infinity : (lap.lap_time_s ?? Infinity);
    best.set(lap.chassis, Math.min(best.get(lap.chassis) ?? Infinity, time));
  }
  return [...best].sort((a, b) => (a[1] === b[1] ? a[0].localeCompare(b[0]) : a[1] - b[1])).map(([chassis]) => chassis);
}

function CarsMenu(props: { machines: string[]; chosen: string[] }) {
  const { machines, chosen } = props;
  return (
    <Menu label={chosen.length === 0 ? 'All cars' : `${chosen.length} cars`} title="Only of these cars" testId="cars">
      {machines.map((chassis) => (
        <Check key={chassis} on={chosen.includes(chassis)} disabled={!chosen.includes(chassis) && chosen.length >= MOST_CARS}
          onChange={(on) => setParams({ cars: on ? [...chosen, chassis] : chosen.filter((each) => each !== chassis) })}>{shownName(chassis)}</Check>
      ))}
    </Menu>
  );
}
