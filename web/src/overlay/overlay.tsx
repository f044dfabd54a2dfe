import type { ComponentChild } from 'preact';

/** The overlay that an address asks for; undefined: it is a page of the wall. */
export function overlayAt(path: string): ComponentChild | undefined {
  void path;
  return undefined;
}
