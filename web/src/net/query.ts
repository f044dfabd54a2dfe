import { useEffect, useRef, useState } from 'preact/hooks';
import { token } from '../state/token';
import { reconnected } from './feed';
import { ApiError } from './api';

/** What is known of a question: the newest answer, which stays while it is asked again, and what went wrong since. */
export interface Answer<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
}

/**
 * Asks when `key` changes, when the server is back, when the token is another one, and every `everyMs` while the page is looked at. A
 * `key` of undefined asks nothing.
 */
export function useQuery<T>(
  key: string | undefined, ask: (abort: AbortSignal) => Promise<T>, everyMs?: number,
): Answer<T> & { again: () => void } {
  const [state, setState] = useState<Answer<T> & { key: string | undefined }>(
    { key: undefined, data: undefined, error: undefined, loading: false });
  const [turn, setTurn] = useState(0);
  const latest = useRef(ask);
  latest.current = ask;

  useEffect(() => {
    if (key === undefined) return undefined;
    const abort = new AbortController();
    setState((old) => ({ key, data: old.key === key ? old.data : undefined, error: undefined, loading: true }));
    latest.current(abort.signal).then(
      (data) => setState({ key, data, error: undefined, loading: false }),
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const told = error instanceof ApiError ? error : new ApiError(0, 'fault', String(error));
        setState((old) => ({ key, data: old.data, error: told, loading: false }));
      },
    );
    return () => abort.abort();
  }, [key, turn, token.value, reconnected.value]);

  useEffect(() => {
    if (everyMs === undefined || key === undefined) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) setTurn((n) => n + 1);
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs, key]);

  const answered = state.key === key ? state : { data: undefined, error: undefined, loading: key !== undefined };
  return { ...answered, again: () => setTurn((n) => n + 1) };
}
