import { signal } from '@preact/signals';
import { token } from '../state/token';

/** Why a question has no answer, in words for whoever asked. `reason` is the server's word for it, if it gave one. */
export class ApiError extends Error {
  constructor(readonly status: number, readonly reason: string, message: string) {
    super(message);
  }
}

/** The server wants a token, or another one than it was shown. */
export const tokenNeeded = signal(false);

function headers(more: Record<string, string> = {}): Record<string, string> {
  return token.value === '' ? more : { ...more, Authorization: `Bearer ${token.value}` };
}

async function answer(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers: headers(init.headers as Record<string, string> | undefined) });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'unreachable', 'The server does not answer. It is asked again as soon as it is back.');
  }
  tokenNeeded.value = response.status === 401 || (tokenNeeded.value && response.status === 403);
  if (response.ok) return response;
  throw await refusal(response);
}

async function refusal(response: Response): Promise<ApiError> {
  let said = '';
  try {
    const body = (await response.json()) as { error?: string; message?: string };
    said = body.error ?? body.message ?? '';
  } catch {
    // A body that is no JSON says nothing more than the status.
  }
  const [, reason = '', words = said] = /^(\w+): (.*)$/s.exec(said) ?? [];
  if (response.status === 401) return new ApiError(401, reason, 'The server wants a token: add #token=YOURS to this address.');
  if (response.status === 403) return new ApiError(403, reason, words || 'This token may not do that.');
  return new ApiError(response.status, reason, words || `The server answered ${response.status}.`);
}

export async function getJson<T>(path: string, abort?: AbortSignal): Promise<T> {
  const response = await answer(path, { cache: 'no-cache', ...(abort ? { signal: abort } : {}) });
  return (await response.json()) as T;
}

export async function getText(path: string, abort?: AbortSignal): Promise<string> {
  return (await answer(path, { cache: 'no-cache', ...(abort ? { signal: abort } : {}) })).text();
}

export async function sendJson<T>(method: 'POST' | 'PATCH', path: string, body: unknown): Promise<T> {
  const init = { method, body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
  return (await (await answer(path, init)).json()) as T;
}

/** Has the browser save what the server answers; a link could not show a token. */
export async function download(path: string, filename: string, accept = 'text/csv'): Promise<void> {
  const response = await answer(path, { headers: { Accept: accept } });
  save(await response.blob(), filename);
}

export function save(content: Blob, filename: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = filename.replace(/[^\p{L}\p{N}._ -]/gu, '_');
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** `?a=1&b=2` of what is there. */
export function query(parameters: Record<string, string | number | undefined>): string {
  const parts = Object.entries(parameters)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`);
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

/** All pages of a list that is told in pages, at most `most` members of it. */
export async function allPages<T>(path: string, list: string, most: number, abort?: AbortSignal): Promise<T[]> {
  const out: T[] = [];
  let cursor: string | undefined;
  do {
    const joint = path.includes('?') ? '&' : '?';
    const page = await getJson<Record<string, unknown>>(
      `${path}${joint}limit=1000${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`, abort);
    out.push(...(page[list] as T[]));
    cursor = (page.next as string | null) ?? undefined;
  } while (cursor !== undefined && out.length < most);
  return out;
}
