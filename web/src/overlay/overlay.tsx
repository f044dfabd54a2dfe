import type { ComponentChild } from 'preact';
import { tokenNeeded } from '../net/api';
import { DeltaOverlay } from './delta_overlay';
import { MapOverlay } from './map_overlay';
import { TowerOverlay } from './tower_overlay';
import { TyresOverlay } from './tyres_overlay';

/**
 * Pages for a broadcast: one thing alone, on nothing. What they show stands in their address: `?chassis=`, `?track=`, `?scale=` (of the
 * size, 0.25 to 8), `?rows=` of the tower.
 */
export interface OverlayProps { asked: URLSearchParams }

const OVERLAYS: Record<string, (props: OverlayProps) => ComponentChild> = {
  '/overlay/tower': TowerOverlay, '/overlay/delta': DeltaOverlay, '/overlay/map': MapOverlay, '/overlay/tyres': TyresOverlay,
};

/** The overlay that an address asks for; undefined: it is a page of the wall. */
export function overlayAt(path: string): ComponentChild | undefined {
  if (!path.startsWith('/overlay/')) return undefined;
  const asked = new URLSearchParams(location.search);
  const Shown = OVERLAYS[path.replace(/\/$/, '')];
  const scale = Number(asked.get('scale') ?? '1');
  document.documentElement.style.setProperty('--scale', String(Number.isFinite(scale) ? Math.min(Math.max(scale, 0.25), 8) : 1));
  if (!Shown) return <p class="over">There is no such overlay: tower, delta, map and tyres are known.</p>;
  return <Framed><Shown asked={asked} /></Framed>;
}

function Framed(props: { children: ComponentChild }) {
  if (tokenNeeded.value) return <p class="over">This server wants a token: add #token=… to the address.</p>;
  return <>{props.children}</>;
}
