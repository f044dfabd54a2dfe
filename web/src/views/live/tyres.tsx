import { lastFigure, type Rows } from '../../data/rows';
import { channelOf } from '../../model/channels';
import { ShownChannel } from '../../state/settings';

const WHEELS = ['fl', 'fr', 'rl', 'rr'] as const;

/** The four tyres as they stand on the car: how hot, how worn, at what pressure; nothing of a machine that tells none of it. */
export function Tyres(props: { rows: Rows; end: number; version: number; whenNone?: string }) {
  const tyres = WHEELS.map((wheel) => tyreOf(props.rows, props.end, wheel));
  if (tyres.every((tyre) => tyre === undefined)) return props.whenNone ? <p>{props.whenNone}</p> : null;
  return (
    <div class="tyres">
      {tyres.map((tyre, index) => tyre && (
        <div key={WHEELS[index]} class={`tyre ${tyre.tone}`}>
          <b>{tyre.temperature}</b> {WHEELS[index]!.toUpperCase()}<br />
          <span class="muted">{tyre.more}</span>
        </div>
      ))}
    </div>
  );
}

interface Tyre { temperature: string; more: string; tone: string }

function tyreOf(rows: Rows, end: number, wheel: string): Tyre | undefined {
  const temperature = `tyre_temp_${wheel}_c`;
  const inner = `tyre_inner_${wheel}_c`;
  const wear = `tyre_wear_${wheel}_pct`;
  const pressure = `tyre_pressure_${wheel}_psi`;
  if (![temperature, inner, wear, pressure].some((name) => rows.column(name) !== undefined)) return undefined;
  const heat = lastFigure(rows, rows.column(temperature) ? temperature : inner, end);
  const worn = lastFigure(rows, wear, end);
  const more = [wear, pressure].filter((name) => rows.column(name) !== undefined).map((name) => {
    const shown = new ShownChannel(channelOf(name));
    return `${name === wear ? 'wear ' : ''}${shown.text(lastFigure(rows, name, end))} ${shown.unit}`;
  });
  const tone = heat > 115 || worn > 70 ? 'bad' : heat > 100 || worn > 45 ? 'slow' : Number.isNaN(heat) && Number.isNaN(worn) ? 'none' : '';
  const shown = new ShownChannel(channelOf(temperature));
  return { temperature: Number.isNaN(heat) ? '' : `${shown.text(heat)}${shown.unit.charAt(0)}`, more: more.join(' · '), tone };
}
