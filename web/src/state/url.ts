import { computed, signal } from '@preact/signals';
import { takeToken } from './token';

/**
 * What is looked at stands in the address alone, behind the `#`: a link shows somebody else the same, and a reload changes nothing.
 * `#/live?cars=002,017&channels=speed_kmh`. Lists have commas between their members, each of which is escaped.
 */
export const VIEWS = ['live', 'laps', 'compare', 'map', 'sessions', 'rollups', 'system'] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  view: View;
  /** What stands behind the view's name: `#/laps/SESSION`. */
  rest: string;
  params: ReadonlyMap<string, string>;
}

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = splitOnce(hash.replace(/^#/, ''), '?');
  const [, first = '', ...others] = path.split('/');
  const view = VIEWS.find((known) => known === first) ?? 'live';
  const params = new Map<string, string>();
  for (const part of query.split('&')) {
    const [key, value] = splitOnce(part, '=');
    if (key !== '') params.set(key, value);
  }
  return { view, rest: unescapePart(others.join('/')), params };
}

export function formatRoute(route: Route): string {
  const query = [...route.params].map(([key, value]) => `${key}=${value}`).join('&');
  const rest = route.rest === '' ? '' : `/${encodeURIComponent(route.rest)}`;
  return `#/${route.view}${rest}${query === '' ? '' : `?${query}`}`;
}

export function listOf(value: string | undefined): string[] {
  return value === undefined || value === '' ? [] : value.split(',').map(unescapePart);
}

export function listText(names: readonly string[]): string {
  return names.map(encodeURIComponent).join(',');
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function unescapePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const route = signal<Route>(parseRoute(typeof location === 'undefined' ? '' : location.hash));

export function param(key: string): string | undefined {
  const value = route.value.params.get(key);
  return value === undefined ? undefined : unescapePart(value);
}

export function listParam(key: string): string[] {
  return listOf(route.value.params.get(key));
}

type Patch = Record<string, string | readonly string[] | undefined>;

function patched(params: ReadonlyMap<string, string>, patch: Patch): Map<string, string> {
  const next = new Map(params);
  for (const [key, value] of Object.entries(patch)) {
    // That no car is chosen is a choice; of other lists an empty one is none.
    if (value === undefined || (value.length === 0 && key !== 'cars')) next.delete(key);
    else next.set(key, typeof value === 'string' ? encodeURIComponent(value) : listText(value));
  }
  return next;
}

/** Changes what the view shows; the browser's "back" does not go through every choice. */
export function setParams(patch: Patch): void {
  const next = { ...route.value, params: patched(route.value.params, patch) };
  history.replaceState(null, '', formatRoute(next));
  route.value = next;
}

export function go(view: View, rest = '', params: Patch = {}): void {
  location.hash = href(view, rest, params);
}

export function href(view: View, rest = '', params: Patch = {}): string {
  return formatRoute({ view, rest, params: patched(new Map(), params) });
}

/** Called once. A token in the address is taken out of it before anything else reads it. */
export function followAddress(): void {
  const read = () => {
    takeToken();
    route.value = parseRoute(location.hash);
  };
  read();
  window.addEventListener('hashchange', read);
  // Links of the navigation go back to what was last seen of each view.
  lastSeen.value = {};
  route.subscribe((now) => {
    lastSeen.value = { ...lastSeen.peek(), [now.view]: formatRoute(now) };
  });
}

const lastSeen = signal<Partial<Record<View, string>>>({});
export const viewLink = computed(() => (view: View) => lastSeen.value[view] ?? href(view));
