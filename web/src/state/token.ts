import { signal } from '@preact/signals';

const KEY = 'slipstream-token';

function remembered(): string {
  try {
    return sessionStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}

/** What the page shows its server; empty: none. Remembered for this tab alone. */
export const token = signal(typeof sessionStorage === 'undefined' ? '' : remembered());

/** The address without its token, and the token: `#token=T` alone, or `&token=T` (or `?token=T`) behind any view. */
export function splitToken(hash: string): { hash: string; token: string | undefined } {
  const found = /(?:^#|[?&])token=([^&]*)/.exec(hash);
  if (!found) return { hash, token: undefined };
  let text = found[1] ?? '';
  try {
    text = decodeURIComponent(text);
  } catch {
    // It is taken as it stands.
  }
  const rest = hash.slice(0, found.index) + hash.slice(found.index + found[0].length);
  const mended = found[0].startsWith('#') ? `#${rest.replace(/^[#&]/, '')}` : rest.replace(/^([^?&]*)&/, '$1?');
  return { hash: mended === '#' ? '' : mended, token: text };
}

/** Browsers send nobody what stands behind the `#`; it is taken out of the address at once all the same, so that no link shows it. */
export function takeToken(): void {
  const { hash, token: given } = splitToken(location.hash);
  if (given === undefined) return;
  history.replaceState(null, '', location.pathname + location.search + hash);
  try {
    sessionStorage.setItem(KEY, given);
  } catch {
    // It holds until the page is loaded anew.
  }
  token.value = given;
}
