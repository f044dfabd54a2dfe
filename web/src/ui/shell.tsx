import type { ComponentChildren, FunctionComponent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { signal } from '@preact/signals';
import { health, raceState } from '../data/race';
import { retryNow } from '../net/feed';
import { thrift, missed } from '../data/cars';
import { whole } from '../model/format';
import { tokenNeeded } from '../net/api';
import { choose, settings, type Settings } from '../state/settings';
import { takeToken, token } from '../state/token';
import { route, viewLink, type View } from '../state/url';
import { copy, formText, Menu, Radio } from './parts';
import { shortcuts, useShortcuts } from './shortcuts';
import { Toasts } from './toasts';

/** The frame around every view: what is looked at, whether it is live, where else one can go. */

const NAVIGATION: [View, string, string][] = [
  ['live', 'Live', 'M3 12h4l3-8 4 16 3-8h4'],
  ['laps', 'Laps', 'M4 6h16M4 12h16M4 18h10'],
  ['compare', 'Compare', 'M4 18c4-12 8 4 16-10M4 20c5-8 9 0 16-6'],
  ['sessions', 'Sessions', 'M5 4h14v16H5zM9 9h6M9 13h6'],
  ['rollups', 'Windows', 'M4 19V9M10 19V4M16 19v-7M21 19H2'],
  ['system', 'System', 'M12 3v4M12 17v4M3 12h4M17 12h4M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6'],
];

/** What the view says of itself in the top bar; each view sets it. */
export const place = signal('');
/** The row at the bottom, where a view has one. */
export const footer = signal<ComponentChildren>(null);

export const helpOpen = signal(false);

/** `View` is drawn here and not given as children: parts that are the same each time would hold on to all that they were. */
export function Shell(props: { View: FunctionComponent; name: string }) {
  const { View } = props;
  return (
    <div class="app">
      <Top />
      <nav class="nav" aria-label="Views">
        <ul>
          {NAVIGATION.map(([view, label, icon]) => (
            <li key={view}>
              <a href={viewLink.value(view)} aria-current={shownAs(route.value.view) === view ? 'page' : undefined} data-testid={`nav-${view}`}>
                <svg viewBox="0 0 24 24" aria-hidden="true"><path d={icon} /></svg>
                {label}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <main class="main" id="main" tabIndex={-1}>
        <Banner />
        <View key={props.name} />
      </main>
      <Foot />
      <Help />
      <Toasts />
    </div>
  );
}

function Foot() {
  return footer.value ? <footer class="foot">{footer.value}</footer> : null;
}

/** The map fills the place of the live view, whose other panels it hides. */
function shownAs(view: View): View {
  return view === 'map' ? 'live' : view;
}

function Top() {
  const metrics = (health.value?.metrics ?? {}) as { messageRate?: number; kernelDrops?: number };
  const refused = (health.value?.metrics as { errorRate?: number } | undefined)?.errorRate ?? 0;
  const lost = metrics.kernelDrops ?? 0;
  return (
    <header class="top">
      <h1>Slipstream</h1>
      <ConnectionPill />
      <span class="where wide" title={place.value}>{place.value}</span>
      <span class="grow" />
      {health.value && (
        <a class="pill wide" href={viewLink.value('system')} style={{ color: 'inherit', textDecoration: 'none' }} data-testid="top-rate"
          title="Points a second that come in; lost by the kernel and refused since the start">
          {whole(Number(metrics.messageRate ?? 0))}/s
          <span class={lost > 0 ? 'bad' : 'good'}>{whole(lost)} lost</span>
          {refused > 0 && <span class="slow">{refused.toFixed(1)}/s refused</span>}
        </a>
      )}
      {missed.value > 0 && <span class="pill slow wide" title="Samples that were not sent to this page, since its line or the page was too slow">{whole(missed.value)} skipped here</span>}
      <Preferences />
      <button type="button" class="wide" onClick={() => void copy(location.href)} title="Copy a link to just this view">Share</button>
      <button type="button" aria-label="Keyboard shortcuts" title="Shortcuts (?)" onClick={() => (helpOpen.value = true)}>?</button>
    </header>
  );
}

function ConnectionPill() {
  const state = raceState.value;
  const since = useSeconds(state.state === 'waiting');
  const text = {
    connecting: 'Connecting', live: 'Live', closed: 'Closed',
    waiting: state.state === 'waiting' ? `Lost, again in ${Math.max(Math.ceil(state.seconds - since), 0)} s` : '',
  }[state.state];
  return (
    <>
      <span class={`pill ${state.state === 'live' ? 'good' : 'slow'}`} role="status" data-testid="connection" data-state={state.state}>
        <span class="dot" aria-hidden="true" />{text}
      </span>
      {state.state === 'waiting' && <button type="button" onClick={retryNow} data-testid="retry">Try now</button>}
    </>
  );
}

function useSeconds(on: boolean): number {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    setSeconds(0);
    if (!on) return undefined;
    const begun = performance.now();
    const timer = setInterval(() => setSeconds((performance.now() - begun) / 1000), 250);
    return () => clearInterval(timer);
  }, [on]);
  return seconds;
}

function Banner() {
  if (tokenNeeded.value) {
    return (
      <form class="banner" onSubmit={(event) => {
        event.preventDefault();
        const given = formText(event.currentTarget, 'token');
        history.replaceState(null, '', `${location.pathname}${location.search}${location.hash}${location.hash ? '&' : '#'}token=${encodeURIComponent(given)}`);
        takeToken();
      }}>
        <label for="token">{token.value === '' ? 'This server wants a token.' : 'This server does not know that token.'}</label>
        <input id="token" name="token" type="text" autocomplete="off" required />
        <button type="submit">Use it</button>
        <span class="muted">It is kept for this tab. A link may carry one: <code>#token=…</code></span>
      </form>
    );
  }
  if (thrift.value > 0) {
    return <p class="banner">This line is slow: {thrift.value === 1 ? 'only the channels that are shown come' : 'ten points a second of each car come'}, and the traces say so.</p>;
  }
  return null;
}

function Preferences() {
  const options: [keyof Settings, string, string[]][] = [
    ['theme', 'Theme', ['system', 'dark', 'light']], ['speed', 'Speed', ['km/h', 'mph']],
    ['temperature', 'Temperature', ['°C', '°F']], ['pressure', 'Pressure', ['bar', 'psi']],
  ];
  return (
    <Menu right label="View" title="Theme and units" testId="preferences">
      {options.map(([key, title, choices]) => (
        <fieldset key={key} class="choices">
          <legend>{title}</legend>
          {choices.map((choice) => (
            <Radio key={choice} name={key} on={settings.value[key] === choice} onChange={() => choose(key, choice as never)}>{choice}</Radio>
          ))}
        </fieldset>
      ))}
    </Menu>
  );
}

function Help() {
  useShortcuts('help', [{ keys: '?', key: '?', does: 'This list', run: () => (helpOpen.value = true) }]);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (helpOpen.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [helpOpen.value]);
  return (
    <dialog class="dialog" ref={dialog} aria-label="Keyboard shortcuts" onClose={() => (helpOpen.value = false)} data-testid="help">
      <h3>Keyboard shortcuts</h3>
      <table>
        <tbody>
          {shortcuts.value.map((shortcut) => (
            <tr key={shortcut.keys}><td class="left"><kbd>{shortcut.keys}</kbd></td><td class="left">{shortcut.does}</td></tr>
          ))}
        </tbody>
      </table>
      <p style={{ marginTop: 'var(--s3)' }}><button type="button" onClick={() => (helpOpen.value = false)}>Close</button></p>
    </dialog>
  );
}
