import { rowsOf } from '../../data/cars';
import { channelOf } from '../../model/channels';
import { name as shownName } from '../../model/format';
import { ShownChannel } from '../../state/settings';
import { isLive } from '../../state/watch';
import { param, setParams } from '../../state/url';
import { Menu, Panel, Radio } from '../../ui/parts';
import { useTicks } from '../../ui/ticks';
import { chosenCars, type Race } from './race_choice';

/** What a car tells of itself: its tyres, what it has left, what is broken. Figures that it does not tell are not there. */

const WHEELS = ['fl', 'fr', 'rl', 'rr'] as const;
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
        {rows && rows.end > rows.begin ? <Figures rows={rows} /> : <p class="muted">Nothing has come from it yet.</p>}
      </div>
    </Panel>
  );
}

function Figures(props: { rows: NonNullable<ReturnType<typeof rowsOf>> }) {
  const { rows } = props;
  const damage = rows.names.filter((name) => /^damage_/.test(name) && rows.last(name) > 0);
  const figures = [...PARTS.filter((name) => rows.names.includes(name)), ...damage];
  const tyres = WHEELS.map((wheel) => tyreOf(rows, wheel));
  return (
    <>
      {tyres.some((tyre) => tyre !== undefined) && (
        <div class="tyres">
          {tyres.map((tyre, index) => tyre && (
            <div key={WHEELS[index]} class={`tyre ${tyre.tone}`}>
              <b>{tyre.temperature}</b> {WHEELS[index]!.toUpperCase()}<br />
              <span class="muted">{tyre.more}</span>
            </div>
          ))}
        </div>
      )}
      <dl class="figures">
        {figures.map((name) => {
          const shown = new ShownChannel(channelOf(name));
          return <div key={name}><dt>{shownName(shown.channel.label)}</dt><dd>{shown.text(rows.last(name))} <span class="muted">{shown.unit}</span></dd></div>;
        })}
      </dl>
    </>
  );
}

interface Tyre { temperature: string; more: string; tone: string }

function tyreOf(rows: NonNullable<ReturnType<typeof rowsOf>>, wheel: string): Tyre | undefined {
  const temperature = `tyre_temp_${wheel}_c`;
  const inner = `tyre_inner_${wheel}_c`;
  const wear = `tyre_wear_${wheel}_pct`;
  const pressure = `tyre_pressure_${wheel}_psi`;
  if (![temperature, inner, wear, pressure].some((name) => rows.names.includes(name))) return undefined;
  const heat = rows.last(rows.names.includes(temperature) ? temperature : inner);
  const worn = rows.last(wear);
  const more = [wear, pressure].filter((name) => rows.names.includes(name)).map((name) => {
    const shown = new ShownChannel(channelOf(name));
    return `${name === wear ? 'wear ' : ''}${shown.text(rows.last(name))} ${shown.unit}`;
  });
  const tone = heat > 115 || worn > 70 ? 'bad' : heat > 100 || worn > 45 ? 'slow' : Number.isNaN(heat) && Number.isNaN(worn) ? 'none' : '';
  const shown = new ShownChannel(channelOf(temperature));
  return { temperature: Number.isNaN(heat) ? '' : `${shown.text(heat)}${shown.unit.charAt(0)}`, more: more.join(' · '), tone };
}
