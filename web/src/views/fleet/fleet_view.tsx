import { useEffect, useRef } from 'preact/hooks';
import { wantCars } from '../../data/cars';
import { fleetVersion, followFleet, machines, type Machine } from '../../data/fleet';
import { lastFigure } from '../../data/rows';
import { sessions as allSessions } from '../../data/session_laps';
import { channelOf, firstChannels } from '../../model/channels';
import { duration, name as shownName, whole } from '../../model/format';
import { useQuery } from '../../net/query';
import { ShownChannel } from '../../state/settings';
import { listParam, param, setParams } from '../../state/url';
import { watchedTrack } from '../../state/watch';
import { colourOf } from '../../ui/colours';
import { Empty, Menu, Name, Panel, Radio, Scroll } from '../../ui/parts';
import { place } from '../../ui/shell';
import { Sparkline } from '../../ui/sparkline';
import { useTicks } from '../../ui/ticks';
import { chosenCars, toggleCar, type Race } from '../live/race_choice';
import { EventsPanel } from '../live/events_panel';
import { TraceSource } from '../live/trace_source';
import { Traces } from '../live/traces';

const SILENT_S = 5;
const SHOWN_VALUES = 4;
const AT_ONCE = 120;

/** Machines that tell neither laps nor distances: what each says now, how that went, and traces by time. */
export function FleetView() {
  useEffect(followFleet, []);
  useTicks(500);
  const source = useRef(new TraceSource());
  useEffect(() => () => source.current.close(), []);
  const all = machines();
  const now = performance.now();
  const sessions = useQuery('sessions', allSessions, 10_000);
  const track = param('track') ?? all[0]?.track;
  useEffect(() => {
    watchedTrack.value = track;
  }, [track]);
  const session = sessions.data?.find((each) => each.track === track && each.live)?.id;
  const cars = chosenCars.value;
  const channels = listParam('channels');
  useEffect(() => {
    wantCars(track === undefined ? undefined : { track, session, cars, channels });
  }, [track, session, cars.join('\n'), channels.join()]);
  useEffect(() => () => wantCars(undefined), []);
  useEffect(() => {
    place.value = `${whole(all.length)} machine${all.length === 1 ? '' : 's'}`;
  }, [all.length, fleetVersion.value]);
  // Whoever comes without a choice sees one machine.
  useEffect(() => {
    if (param('cars') === undefined && all[0]) setParams({ track: all[0].track, cars: [all[0].chassis] });
  }, [all.length > 0]);
  const tag = param('tag') ?? '';
  const search = (param('search') ?? '').toLowerCase();
  const shown = all
    .filter((machine) => (tag === '' || tagsOf(machine).includes(tag)) && (search === '' || `${machine.chassis} ${machine.track}`.toLowerCase().includes(search)))
    .sort((a, b) => a.track.localeCompare(b.track) || a.chassis.localeCompare(b.chassis, undefined, { numeric: true }));
  const race: Race | undefined = track === undefined ? undefined : { track, session, live: true };
  const tags = [...new Set(all.flatMap(tagsOf))].sort();
  const tools = (
    <>
      <input type="search" placeholder="Name" aria-label="Search machines" value={param('search') ?? ''} onInput={(event) => setParams({ search: event.currentTarget.value || undefined })} />
      {tags.length > 0 && (
        <Menu label={tag === '' ? 'All tags' : shownName(tag)} title="Only those with this tag" testId="tags">
          <Radio name="tag" on={tag === ''} onChange={() => setParams({ tag: undefined })}>All</Radio>
          {tags.map((each) => <Radio key={each} name="tag" on={each === tag} onChange={() => setParams({ tag: each })}>{shownName(each)}</Radio>)}
        </Menu>
      )}
      <span class="grow" />
      <span class="muted">{shown.length === all.length ? whole(all.length) : `${whole(shown.length)} of ${whole(all.length)}`}</span>
    </>
  );
  return (
    <div class="view fleet">
      <Panel title="Machines" tools={tools}>
        {shown.length === 0 ? <Empty title={all.length === 0 ? 'Waiting for the next point' : 'None fits'}><p>Each machine stands here with its freshest values.</p></Empty> : (
          <Scroll label="Machines">
            <ul class="machines">
              {shown.slice(0, AT_ONCE).map((machine) => <MachineCard key={machine.key} machine={machine} track={track} now={now} />)}
            </ul>
            {shown.length > AT_ONCE && <p class="more muted">and {whole(shown.length - AT_ONCE)} more: search for one</p>}
          </Scroll>
        )}
      </Panel>
      {race && <Traces race={race} line={undefined} hasLaps={false} source={source.current} />}
      {race && <EventsPanel race={race} />}
    </div>
  );
}

function tagsOf(machine: Machine): string[] {
  return Object.entries(machine.rows.texts).filter(([key]) => key.startsWith('tag.')).map(([key, value]) => `${key.slice(4)}=${value}`);
}

/** `now`: what is told of a machine changes in its place. */
function MachineCard(props: { machine: Machine; track: string | undefined; now: number }) {
  const { machine, track, now } = props;
  const { rows, chassis } = machine;
  const index = machine.track === track ? chosenCars.value.indexOf(chassis) : -1;
  const silentS = (now - machine.heardAt) / 1000;
  const channels = firstChannels(rows.names, SHOWN_VALUES);
  const choose = () => {
    if (machine.track !== track) setParams({ track: machine.track, cars: [chassis] });
    else toggleCar(chassis);
  };
  return (
    <li class="machine" data-testid="machine">
      <button type="button" class="bare head" aria-pressed={index >= 0} onClick={choose}>
        <span class="bar" style={index >= 0 ? { '--swatch': `var(${colourOf(index)})` } : {}} aria-hidden="true" />
        <Name text={chassis} />
        <span class="muted name">{shownName(machine.track)}</span>
        {silentS > SILENT_S && <span class="bad">◦ {duration(silentS)}</span>}
      </button>
      <dl class="figures">
        {channels.map((field) => {
          const shown = new ShownChannel(channelOf(field));
          return <div key={field}><dt>{shownName(shown.channel.label)}</dt><dd>{shown.text(lastFigure(rows, field))} <span class="muted">{shown.unit}</span></dd></div>;
        })}
      </dl>
      {channels[0] !== undefined && <Sparkline rows={rows} field={channels[0]} version={rows.version} />}
    </li>
  );
}

