/** Numbers and times as people read them: decimals are fixed, so that they stand still. What is not known is a dash. */

export const DASH = '–';
const MINUS = '−';

export function fixed(value: number | null | undefined, decimals: number): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return DASH;
  const text = value.toFixed(decimals);
  return text.startsWith('-') ? (Number(text) === 0 ? text.slice(1) : MINUS + text.slice(1)) : text;
}

export function whole(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return DASH;
  return Math.round(value).toLocaleString('en-US').replace('-', MINUS);
}

/** 1:41.200; above an hour 1:02:03.400. */
export function lapTime(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return DASH;
  const ms = Math.round(seconds * 1000);
  const rest = ((ms % 60_000) / 1000).toFixed(3).padStart(6, '0');
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${rest}`;
}

/** +0.259, −0.031: of a difference, whose sign counts. */
export function delta(seconds: number | null | undefined, decimals = 3): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return DASH;
  const text = fixed(seconds, decimals);
  return text.startsWith(MINUS) || Number(text) === 0 ? text : `+${text}`;
}

export function percent(share: number | null | undefined, decimals = 1): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return DASH;
  // What is lost never looks like nothing lost, and what is not whole never like 100.
  const shown = Number((share * 100).toFixed(decimals));
  if (share > 0 && shown === 0) return `< ${(10 ** -decimals).toFixed(decimals)} %`;
  if (share < 1 && shown === 100) return `${(100 - 10 ** -decimals).toFixed(decimals)} %`;
  return `${shown.toFixed(decimals)} %`;
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return DASH;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}

/** 3 s, 4 min, 2 h 10 min, 3 d 4 h. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return DASH;
  const s = Math.round(seconds);
  if (s < 90) return `${s} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DAY = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: 'numeric' });

/** In the viewer's zone; `utc()` belongs into its tooltip. */
export function clock(ms: number, decimals = 0): string {
  if (!Number.isFinite(ms)) return DASH;
  const fraction = decimals === 0 ? '' : `.${String(Math.floor(((ms % 1000) + 1000) % 1000)).padStart(3, '0').slice(0, decimals)}`;
  return CLOCK.format(ms) + fraction;
}

export function day(ms: number): string {
  return Number.isFinite(ms) ? DAY.format(ms) : DASH;
}

export function utc(ms: number): string {
  return Number.isFinite(ms) ? `${new Date(ms).toISOString().replace('T', ' ').replace('Z', '')} UTC` : '';
}

/**
 * A name as it came, shown so that it can do nothing to what stands around it: marks that turn the direction of text, and other
 * control characters, are shown as what they are.
 */
export function name(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}
