import { rowsOf } from '../../data/cars';
import type { RowRing } from '../../data/rows';
import { channelOf } from '../../model/channels';
import { name as shownName } from '../../model/format';
import { ShownChannel } from '../../state/settings';
import { isLive } from '../../state/watch';
import { param, setParams } from '../../state/url';
import { Menu, Panel, Radio } from '../../ui/parts';
import { useTicks } from '../../ui/ticks';
import { chosenCars, type Race } from './race_choice';
import { Tyres } from './tyres';

/** What a car tells of itself: its tyres, what it has left, what is broken. Figures that it does not tell are not there. */

const PARTS = ['speed_kmh', 'gear', 'rpm', 'fuel_kg', 'ers_store_j', 'drs', 'tyre_age_laps', 'lap', 'pbrake_f', 'accx_can', 'accy_can'];

export function CarCard(props: { race: Race }) {
  useTicks(500);
  const { race } = props;
  const cars = chosenCars.value;
  const named = param('car');
  const chassis = named !== undefined && cars.includes(named) ? named : cars[0];
  if (chassis === undefined) return null;
  const rows = race.live ? rowsOf(race.track, chassis) : undefined;
  const compound = rows?.texts.tyre_compound;
  const age = rows?.last('tyre_age_laps') ?? NaN;
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
        {!isLive.value && <p class="slow">As it is now, not as it was then.</p>}
        {rows && rows.end > rows.begin ? <Figures rows={rows} version={rows.version} /> : <p class="muted">Nothing has come from it yet.</p>}
      </div>
    </Panel>
  );
}

/** `version`: rows change in their place. */
function Figures(props: { rows: RowRing; version: number }) {
  const { rows } = props;
  const damage = rows.names.filter((name) => /^damage_/.test(name) && rows.last(name) > 0);
  const figures = [...PARTS.filter((name) => rows.names.includes(name)), ...damage];
  return (
    <>
      <Tyres rows={rows} version={rows.version} />
      <dl class="figures">
        {figures.map((name) => {
          const shown = new ShownChannel(channelOf(name));
          return <div key={name}><dt>{shownName(shown.channel.label)}</dt><dd>{shown.text(rows.last(name))} <span class="muted">{shown.unit}</span></dd></div>;
        })}
      </dl>
    </>
  );
}
