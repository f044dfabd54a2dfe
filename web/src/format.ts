/** Whole numbers with separators; a dash where there is none. */
export function whole(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? '–' : Math.round(value).toLocaleString('en-US');
}

export function fixed(value: number | undefined, digits: number): string {
  return value === undefined || !Number.isFinite(value) ? '–' : value.toFixed(digits);
}

/** "now", "4 s", "3 min": how long ago. */
export function ago(ms: number): string {
  if (ms < 1500) return 'now';
  if (ms < 90_000) return `${Math.round(ms / 1000)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

/** "1:23.456". */
export function lapTime(seconds: number): string {
  const ms = Math.round(seconds * 1000);
  const rest = ((ms % 60_000) / 1000).toFixed(3).padStart(6, '0');
  return `${Math.floor(ms / 60_000)}:${rest}`;
}
