import { delta } from '../../model/format';
import { channelOf } from '../../model/channels';
import { ShownChannel } from '../../state/settings';
import { Empty, Panel, Scroll, Swatch } from '../../ui/parts';
import type { Corner } from './corners';

interface CornerLine { key: string; label: string; colour: string }

/** Of each corner the lowest speed, the speed at its exit, and what each lap lost there to the first. */
export function CornerTable(props: { corners: Corner[]; lines: CornerLine[]; current: number | undefined; onChoose: (atM: number) => void }) {
  const { corners, lines } = props;
  const speed = new ShownChannel({ ...channelOf('speed_kmh'), decimals: 0 });
  return (
    <Panel title="Corners" tools={<><span class="grow" /><span class="muted">{speed.unit}</span></>}>
      {corners.length === 0 ? <Empty title="No corners yet"><p>They are found in the speed of the first lap.</p></Empty> : (
        <Scroll label="Speeds in corners">
          <table>
            <thead>
              <tr>
                <th class="left">Turn</th>
                {lines.slice(1).map((line) => <th key={line.key} title={`Lost to the first lap there, ${line.label}`}><Swatch colour={line.colour} /> Δ s</th>)}
                {lines.map((line) => <th key={line.key} title={`Lowest speed, ${line.label}`}><Swatch colour={line.colour} /> Min</th>)}
                {lines.map((line) => <th key={line.key} title={`Speed at the exit, ${line.label}`}><Swatch colour={line.colour} /> Exit</th>)}
              </tr>
            </thead>
            <tbody>
              {corners.map((corner) => (
                <tr key={corner.number} class={corner.number === props.current ? 'selected' : ''}>
                  <td class="left"><button type="button" class="bare" title={`At ${Math.round(corner.atM)} m`} onClick={() => props.onChoose(corner.atM)}>{corner.number}</button></td>
                  {corner.lostS.slice(1).map((value, lap) => <td key={lap} class={value === null ? 'muted' : value > 0 ? 'bad' : 'good'}>{delta(value)}</td>)}
                  {corner.minimum.map((value, lap) => <td key={lap}>{speed.text(value)}</td>)}
                  {corner.exit.map((value, lap) => <td key={lap}>{speed.text(value)}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
}
