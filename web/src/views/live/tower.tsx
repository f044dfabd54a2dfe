import { useLayoutEffect, useRef } from 'preact/hooks';
import { laps, raceState } from '../../data/race';
import { DASH, fixed, lapTime, name as shownName, percent } from '../../model/format';
import { delayS, isLive, viewTime } from '../../state/watch';
import { param, setParams } from '../../state/url';
import { colourOf } from '../../ui/colours';
import { Chip, Empty, Name, Panel, Scroll } from '../../ui/parts';
import { useTicks } from '../../ui/ticks';
import { chosenCars, lapsSinceStop, orderAt, toggleCar, type Order, type Race, type TowerRow } from './race_choice';

/** A car that says nothing for so long is shown as silent. */
const SILENT_S = 2;
const LOSSY = 0.005;

export function Tower(props: { race: Race }) {
  const live = isLive.value && delayS.value === 0;
  // While the server is away the silence goes on.
  useTicks(200, !live || raceState.value.state !== 'live');
  const order = orderAt(props.race, live, viewTime());
  const gaps = param('gaps') === 'leader' ? 'leader' : 'ahead';
  const tools = (
    <>
      <span class="grow" />
      {order?.atLine && <span class="muted" title="Looked at long after: gaps are told by the laps">at the line</span>}
      <Chip on={gaps === 'ahead'} onClick={() => setParams({ gaps: undefined })} title="To the car ahead">Interval</Chip>
      <Chip on={gaps === 'leader'} onClick={() => setParams({ gaps: 'leader' })} title="To the leader">Gap</Chip>
    </>
  );
  return (
    <Panel title="Tower" class="tower-panel" tools={tools}>
      {order && order.rows.length > 0 ? <TowerTable order={order} gaps={gaps} />
        : <Empty title="No car is on the track"><p>Cars stand here as soon as they send where on a lap they are.</p></Empty>}
    </Panel>
  );
}

function TowerTable(props: { order: Order; gaps: 'leader' | 'ahead' }) {
  const { order, gaps } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  const focused = useRef<string | undefined>(undefined);
  const sectors = Math.max(3, ...order.rows.map((row) => row.sectorsS.length));
  // A row that moves may lose the focus on its way: it is given back.
  focused.current = (document.activeElement as HTMLElement | null)?.closest<HTMLElement>('[data-testid=tower-row]')?.dataset.chassis;
  useLayoutEffect(() => {
    if (focused.current === undefined || body.current?.contains(document.activeElement)) return;
    rowButtons(body.current).find((button) => button.dataset.chassis === focused.current)?.focus({ preventScroll: true });
  });
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step === 0) return;
    const buttons = rowButtons(body.current);
    const at = buttons.findIndex((button) => button === document.activeElement);
    buttons[Math.min(Math.max(at + step, 0), buttons.length - 1)]?.focus();
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <Scroll label="Cars in their order" class="tower">
      <table>
        <thead>
          <tr>
            <th title="Position">P</th><th class="left">Car</th><th>Last</th><th>Best</th>
            <th class="wide left">Sectors</th><th>{gaps === 'ahead' ? 'Int' : 'Gap'}</th><th class="wide">Tyre</th>
          </tr>
        </thead>
        <tbody ref={body} onKeyDown={onKeyDown}>
          {order.rows.map((row) => <CarRow key={row.chassis} row={row} order={order} gaps={gaps} sectors={sectors} />)}
        </tbody>
      </table>
    </Scroll>
  );
}

function rowButtons(body: HTMLElement | null): HTMLButtonElement[] {
  return [...(body?.querySelectorAll<HTMLButtonElement>('td.name button') ?? [])];
}

function CarRow(props: { row: TowerRow; order: Order; gaps: 'leader' | 'ahead'; sectors: number }) {
  const { row, order, gaps } = props;
  const chosen = chosenCars.value.indexOf(row.chassis);
  const tone = lapTone(row, order);
  return (
    <tr data-testid="tower-row" data-chassis={row.chassis} class={chosen >= 0 ? 'selected' : ''} onClick={(event) => {
      if (!(event.target as HTMLElement).closest('button')) toggleCar(row.chassis);
    }}>
      <td>{row.position}</td>
      <td class="left name">
        <button type="button" class="bare" data-chassis={row.chassis} aria-pressed={chosen >= 0} title={shownName(row.chassis)}
          onClick={() => toggleCar(row.chassis)}>
          <span class="bar" style={chosen >= 0 ? { '--swatch': `var(${colourOf(chosen)})` } : {}} aria-hidden="true" />
          <Name text={row.chassis} />
          {row.pit && <span class="tag pit">PIT</span>}
          {row.silentS >= SILENT_S && <span class="bad" title={`Nothing came for ${row.silentS.toFixed(0)} s`}>◦ {row.silentS < 100 ? `${row.silentS.toFixed(0)} s` : 'gone'}</span>}
          {row.loss !== null && row.loss >= LOSSY && <span class="slow" title={`${percent(row.loss)} of its samples of the last minute did not come`}>▾{percent(row.loss, 0)}</span>}
        </button>
      </td>
      <td class={tone.tone} title={tone.title}>{lapTime(row.lastLapS)}{tone.sign}</td>
      <td class="muted">{lapTime(row.bestLapS)}</td>
      <td class="wide left"><Sectors row={row} order={order} count={props.sectors} /></td>
      <td>{gapText(row, gaps)}</td>
      <td class="wide"><Tyre row={row} /></td>
    </tr>
  );
}

/** The compound and how many laps it has; without a word of the tyres the laps since the last stop. */
function Tyre(props: { row: TowerRow }) {
  const { row } = props;
  const age = row.tyreAge ?? lapsSinceStop(laps.value.values(), row.chassis, row.lap);
  const title = `${row.compound === null ? 'Laps since its last stop' : shownName(row.compound)}${age === null ? '' : `: ${age}`}`;
  if (row.compound === null && age === null) return null;
  return <span title={title}><span class="muted">{row.compound === null ? '' : shownName(row.compound).charAt(0).toUpperCase()}</span> {age ?? ''}</span>;
}

function lapTone(row: TowerRow, order: Order): { tone: string; sign: string; title: string } {
  if (row.lastLapS === null) return { tone: 'muted', sign: '', title: 'No lap is known as a whole yet' };
  if (row.lastLapS === order.bestLapS) return { tone: 'best', sign: ' ◆', title: 'The best lap of all' };
  if (row.lastLapS === row.bestLapS) return { tone: 'good', sign: ' ▴', title: 'Its best lap' };
  return { tone: '', sign: '', title: '' };
}

function gapText(row: TowerRow, gaps: 'leader' | 'ahead'): string {
  if (row.position === 1) return 'leader';
  if (gaps === 'leader') {
    if (row.lapsBehind > 0) return `+${row.lapsBehind} lap${row.lapsBehind === 1 ? '' : 's'}`;
    return row.gapLeaderS === null ? DASH : `+${fixed(row.gapLeaderS, 3)}`;
  }
  return row.gapAheadS === null ? DASH : `+${fixed(row.gapAheadS, 3)}`;
}

function Sectors(props: { row: TowerRow; order: Order; count: number }) {
  const { row, order } = props;
  const text: string[] = [];
  const signs = Array.from({ length: props.count }, (_, sector) => {
    const seconds = row.sectorsS[sector] ?? null;
    if (seconds === null) return '';
    const best = order.bestSectorsS[sector] ?? null;
    const own = row.bestSectorsS[sector] ?? null;
    const tone = best === null && own === null ? 'known' : best !== null && seconds <= best ? 'best' : own !== null && seconds <= own ? 'good' : 'slow';
    text.push(`sector ${sector + 1}: ${seconds.toFixed(3)}${{ best: ', the best of all', good: ', its best', slow: '', known: '' }[tone]}`);
    return tone;
  });
  return (
    <span class="sectors" title={text.join('\n')}>
      {signs.map((tone, sector) => <i key={sector} class={tone} aria-hidden="true" />)}
      <span class="visually-hidden">{text.join('; ')}</span>
    </span>
  );
}
