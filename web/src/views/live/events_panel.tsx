import type { EventEntry } from '../../data/race';
import { name as shownName } from '../../model/format';
import { delayS, isLive, viewTime, seek } from '../../state/watch';
import { param, setParams } from '../../state/url';
import { Chip, Empty, Menu, Panel, Radio, Scroll, Time } from '../../ui/parts';
import { useTicks } from '../../ui/ticks';
import { chosenCars, toggleCar, type Race } from './race_choice';
import { shownEvents } from './shown_events';

const KINDS: [string, string][] = [['', 'All'], ['mark', 'Marks'], ['alert', 'Alerts'], ['notice', 'Notices']];
const SHOWN = 120;
const WORDS: Record<EventEntry['tone'], string> = { best: 'best', good: 'good', slow: 'warning', bad: 'wrong', pit: 'pit', plain: '' };

/** Marks, alerts and notices, the newest first; looked at as it was, those up to then. */
export function EventsPanel(props: { race: Race }) {
  useTicks(500, !isLive.value || delayS.value > 0);
  const kind = param('events') ?? '';
  const own = param('mine') === '1';
  const now = viewTime();
  const shown = shownEvents(props.race).filter((entry) =>
    (kind === '' || entry.kind === kind) &&
    ((isLive.value && delayS.value === 0) || entry.ms <= now) && (!own || (entry.chassis !== undefined && chosenCars.value.includes(entry.chassis)))).slice(0, SHOWN);
  const tools = (
    <>
      <span class="grow" />
      <Chip on={own} onClick={() => setParams({ mine: own ? undefined : '1' })} title="Only of the chosen cars">Chosen</Chip>
      <Menu right label={KINDS.find(([id]) => id === kind)?.[1] ?? 'All'} title="Which events">
        {KINDS.map(([id, label]) => <Radio key={id} name="events" on={kind === id} onChange={() => setParams({ events: id || undefined })}>{label}</Radio>)}
      </Menu>
    </>
  );
  return (
    <Panel title="Events" class="events-panel" tools={tools}>
      {shown.length === 0 ? <Empty title="Nothing to report"><p>Flags, penalties, alerts and notices come here, with their times.</p></Empty> : (
        <Scroll label="Events">
          <ol class="events" data-testid="events">
            {shown.map((entry) => (
              <li key={entry.key} class={entry.active ? 'active' : ''}>
                <button type="button" class="bare muted" title="Look at that moment" onClick={() => seek(entry.ms)}><Time ms={entry.ms} /></button>
                <span class={`dot ${entry.tone === 'plain' ? 'faint' : entry.tone}`} role="img" aria-label={WORDS[entry.tone]} />
                <span class="text">
                  {entry.chassis !== undefined && (
                    <button type="button" class="bare" onClick={() => toggleCar(entry.chassis!)}><b>{shownName(entry.chassis)}</b></button>
                  )}{' '}
                  {shownName(entry.text)}
                </span>
              </li>
            ))}
          </ol>
        </Scroll>
      )}
    </Panel>
  );
}
