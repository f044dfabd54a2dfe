import { effect, signal } from '@preact/signals';
import type { Channel, Quantity } from '../model/channels';
import { fixed } from '../model/format';

/** What a viewer likes, remembered by the browser. What is looked at stands in the address instead (`url.ts`). */
export interface Settings {
  theme: 'system' | 'dark' | 'light';
  speed: 'km/h' | 'mph';
  temperature: '°C' | '°F';
  pressure: 'bar' | 'psi';
}

const KEY = 'slipstream-settings';
const DEFAULTS: Settings = { theme: 'system', speed: 'km/h', temperature: '°C', pressure: 'bar' };
const CHOICES: { [K in keyof Settings]: readonly Settings[K][] } = {
  theme: ['system', 'dark', 'light'],
  speed: ['km/h', 'mph'],
  temperature: ['°C', '°F'],
  pressure: ['bar', 'psi'],
};

function remembered(): Settings {
  const settings = { ...DEFAULTS };
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Record<string, unknown>;
    for (const key of Object.keys(DEFAULTS) as (keyof Settings)[]) {
      if ((CHOICES[key] as readonly unknown[]).includes(stored[key])) Object.assign(settings, { [key]: stored[key] });
    }
  } catch {
    // Where a browser keeps nothing the defaults serve.
  }
  return settings;
}

export const settings = signal<Settings>(remembered());

export function choose<K extends keyof Settings>(key: K, value: Settings[K]): void {
  settings.value = { ...settings.value, [key]: value };
  try {
    localStorage.setItem(KEY, JSON.stringify(settings.value));
  } catch {
    // It holds until the page is closed.
  }
}

/** Keeps the document's theme as chosen. */
export function applyTheme(): void {
  effect(() => {
    const { theme } = settings.value;
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  });
}

interface Conversion { unit: string; factor: number; offset: number }

function conversion(quantity: Quantity, unit: string, chosen: Settings): Conversion {
  if (quantity === 'speed' && chosen.speed === 'mph') return { unit: 'mph', factor: 1 / 1.609344, offset: 0 };
  if (quantity === 'temperature' && chosen.temperature === '°F') return { unit: '°F', factor: 1.8, offset: 32 };
  if (quantity === 'pressure' && unit !== chosen.pressure) {
    return { unit: chosen.pressure, factor: unit === 'bar' ? 14.5037738 : 1 / 14.5037738, offset: 0 };
  }
  return { unit, factor: 1, offset: 0 };
}

/** A channel in the units that the viewer chose. */
export class ShownChannel {
  readonly unit: string;
  private readonly factor: number;
  private readonly offset: number;

  constructor(readonly channel: Channel, chosen: Settings = settings.value) {
    const by = conversion(channel.quantity, channel.unit, chosen);
    this.unit = by.unit;
    this.factor = channel.scale * by.factor;
    this.offset = by.offset;
  }

  value(raw: number): number {
    return raw * this.factor + this.offset;
  }

  text(raw: number | null | undefined): string {
    return fixed(raw === null || raw === undefined ? null : this.value(raw), this.channel.decimals);
  }
}
