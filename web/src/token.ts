const KEY = 'slipstream-token';

/**
 * The token that the page shows to its server: of the address (#token=..., which browsers send to nobody), then remembered
 * for this tab and taken out of the address.
 */
export function readToken(): string {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given !== null) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, '', location.pathname + location.search);
  }
  return sessionStorage.getItem(KEY) ?? '';
}
