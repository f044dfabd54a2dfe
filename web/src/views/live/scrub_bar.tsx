import { useRef } from 'preact/hooks';
import { laps } from '../../data/race';
import { shownEvents } from './shown_events';
import { clock, day, utc } from '../../model/format';
import type { Session } from '../../model/messages';
import { eventMs } from '../../model/time';
import { delayS, feedTime, goLive, isLive, isPlaying, MAX_DELAY_S, pause, play, playSpeed, seek, setDelay, setSpeed, SPEEDS, viewTime } from '../../state/watch';
import { useShortcuts } from '../../ui/shortcuts';
import { useTicks } from '../../ui/ticks';
import { chosenCars, type Race } from './race_choice';

/** The row of time at the bottom: where in the session one is, and the way back to what comes now. */
export function ScrubBar(props: { race: Race; session: Session | undefined }) {
  const { race, session } = props;
  useTicks(200);
  const bar = useRef<HTMLDivElement>(null);
  const now = feedTime();
  const fromMs = session ? eventMs(session.started) : now - 120_000;
  const toMs = race.live && Number.isFinite(now) ? Math.max(now, fromMs + 1000) : session ? Math.max(eventMs(session.ended), fromMs + 1000) : now;
  const atMs = Math.min(Math.max(viewTime(), fromMs), toMs);
  const share = (ms: number) => `${(100 * (ms - fromMs)) / (toMs - fromMs)}%`;
  const live = isLive.value && race.live;
  // Played up to now it is live.
  if (race.live && !isLive.value && isPlaying.value && viewTime() >= now) queueMicrotask(goLive);
  else if (!race.live && isPlaying.value && viewTime() >= toMs) queueMicrotask(() => pause());

  const seekTo = (clientX: number) => {
    const { left, width } = bar.current!.getBoundingClientRect();
    seek(fromMs + Math.min(Math.max((clientX - left) / width, 0), 1) * (toMs - fromMs));
  };
  const step = (ms: number) => seek(Math.min(Math.max(viewTime() + ms, fromMs), toMs));
  const toggle = () => (isPlaying.value || live ? pause() : play());
  useShortcuts('scrub', [
    { keys: 'Space', key: ' ', does: 'Pause, or go on', run: toggle },
    { keys: 'l', key: 'l', does: 'Back to what comes now', run: goLive },
    { keys: ', .', key: [',', '.'], does: 'Ten seconds back, or forward', run: (event) => step(event.key === ',' ? -10_000 : 10_000) },
  ]);
  const signs = shownEvents(race).filter((entry) => entry.kind !== 'notice' && entry.ms >= fromMs && entry.ms <= toMs);
  const lines = [...laps.value.values()].filter((lap) => lap.chassis === chosenCars.value[0]).map((lap) => eventMs(lap.started));
  return (
    <>
      <button type="button" onClick={() => step(-10_000)} title="Ten seconds back (,)">−10 s</button>
      <button type="button" onClick={toggle} data-testid="play" title="Pause, or go on (space)">{isPlaying.value || live ? 'Pause' : 'Play'}</button>
      {race.live && <button type="button" class={live ? 'primary' : ''} aria-pressed={live} onClick={goLive} data-testid="go-live" title="Back to what comes now (l)">Live</button>}
      <div class="scrubber" ref={bar} data-testid="scrubber" role="slider" tabIndex={0} aria-label="Moment of the session"
        aria-valuemin={Math.round(fromMs / 1000)} aria-valuemax={Math.round(toMs / 1000)} aria-valuenow={Math.round(atMs / 1000)}
        aria-valuetext={live ? 'live' : clock(atMs)} title={utc(atMs)}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          seekTo(event.clientX);
        }}
        onPointerMove={(event) => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) seekTo(event.clientX);
        }}
        onKeyDown={(event) => {
          const steps: Record<string, number> = { ArrowLeft: -1000, ArrowRight: 1000, PageDown: -60_000, PageUp: 60_000 };
          const by = steps[event.key];
          if (by === undefined) return;
          step(by);
          event.preventDefault();
          event.stopPropagation();
        }}>
        <div class="done" style={{ width: share(atMs) }} />
        {lines.map((ms) => <span key={ms} class="sign lap" style={{ left: share(ms) }} />)}
        {signs.map((entry) => <span key={entry.key} class={`sign ${entry.tone}`} style={{ left: share(entry.ms) }} title={entry.text} />)}
      </div>
      <span class="muted num" title={utc(atMs)}>{day(atMs) === day(now) ? '' : `${day(atMs)} `}{clock(atMs, 1)}</span>
      {live ? (
        <label class="delay wide" title="For those who watch a broadcast: everything is shown so much later">
          <span class="muted">Delay</span>
          <input type="range" min={0} max={MAX_DELAY_S} step={1} value={delayS.value} aria-label="Delay in seconds"
            onInput={(event) => setDelay(Number(event.currentTarget.value))} />
          <span class="num">{delayS.value} s</span>
        </label>
      ) : (
        <select aria-label="How fast it is played" value={String(playSpeed.value)} onChange={(event) => setSpeed(Number(event.currentTarget.value))}>
          {SPEEDS.map((speed) => <option key={speed} value={String(speed)}>{speed}×</option>)}
        </select>
      )}
    </>
  );
}
