import { rowsOf } from '../../data/cars';
import { lastFigure, lowerBound, type Rows } from '../../data/rows';
import { channelOf } from '../../model/channels';
import { duration, name as shownName } from '../../model/format';
import { ShownChannel } from '../../state/settings';
import { delayS, isLive, viewTime } from '../../state/watch';
import { param, setParams } from '../../state/url';
import { Menu, Panel, Radio } from '../../ui/parts';
import { useTicks } from '../../ui/ticks';
import { chosenCars, type Race } from './race_choice';
import { STALE_MS, type TraceSource } from './trace_source';
import { Tyres } from './tyres';

/** What a car tells of itself: its tyres, what it has left, what is broken. Figures that it does not tell are not there. */

const PARTS = ['speed_kmh', 'gear', 'rpm', 'fuel_kg', 'ers_store_j', 'drs', 'tyre_age_laps', 'lap', 'pbrake_f', 'accx_can', 'accy_can'];

export function CarCard(props: { race: Race; source: TraceSource }) {
  useTicks(500);
  const { race, source } = props;
  const cars = chosenCars.value;
  const named = param('car');
  const chassis = named !== undefined && cars.includes(named) ? named : cars[0];
  if (chassis === undefined) return null;
  const live = race.live && isLive.value && delayS.value === 0;
  const atMs = viewTime();
  const rows = live ? rowsOf(race.track, chassis) : source.rows(race, chassis, atMs - STALE_MS, atMs, 0);
  const end = rows ? (live ? rows.end : lowerBound(rows, atMs + 0.5)) : 0;
  const newest = rows && end > rows.begin ? rows.times[end - 1]! : NaN;
  // Texts are known of now alone: what was recorded are figures.
  const compound = live ? rowsOf(race.track, chassis)?.texts.tyre_compound : undefined;
  const age = rows ? lastFigure(rows, 'tyre_age_laps', end) : NaN;
  const tools = (
    <>
      <span class="grow" />
      {compound && <span class="pill" title="Tyre">{shownName(compound)}{Number.isNaN(age) ? '' : ` · ${age} laps`}</span>}
      {cars.length > 1 && (
        <Menu right label="Car" title="Which car">
          {cars.map((name) => <Radio key={name} name="card" on={name === chassis} onChange={() => setParams({ car: name })}>{shownName(name)}</Radio>)}
        </Menu>
      )}
    </>
  );
  return (
    <Panel title={shownName(chassis)} class="card-panel" tools={tools}>
      <div class="card" tabIndex={0} role="group" aria-label={`Figures of ${shownName(chassis)}`}>
        {live && atMs - newest > STALE_MS && <p class="bad">Nothing for {duration((atMs - newest) / 1000)}: these are its last figures.</p>}
        {rows && !Number.isNaN(newest) && (live || atMs - newest < STALE_MS) ? <div class={atMs - newest > STALE_MS ? 'stale' : ''}><Figures rows={rows} end={end} version={atMs} /></div>
          : <p class="muted">{live ? 'Nothing has come from it yet.' : 'Nothing is known of it at that moment.'}</p>}
      </div>
    </Panel>
  );
}

/** `version`: rows change in their place. */
function Figures(props: { rows: Rows; end: number; version: number }) {
  const { rows, end } = props;
  const figures = PARTS.filter((name) => !Number.isNaN(lastFigure(rows, name, end)));
  const damage = rows.names.filter((name) => name.startsWith('damage_') && lastFigure(rows, name, end) > 0);
  return (
    <>
      <Tyres rows={rows} end={end} version={props.version} />
      <dl class="figures">
        {[...figures, ...damage].map((name) => {
          const shown = new ShownChannel(channelOf(name));
          return <div key={name}><dt>{shownName(shown.channel.label)}</dt><dd>{shown.text(lastFigure(rows, name, end))} <span class="muted">{shown.unit}</span></dd></div>;
        })}
      </dl>
    </>
  );
}
