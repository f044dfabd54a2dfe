import { computed, signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

export interface Shortcut {
  /** As it is written for people; `key` is what the browser calls it. */
  keys: string;
  key: string | readonly string[];
  does: string;
  run: (event: KeyboardEvent) => void;
}

const active = signal<ReadonlyMap<string, readonly Shortcut[]>>(new Map());
export const shortcuts = computed(() => [...active.value.values()].flat());

/** Keys that hold while the component is shown. */
export function useShortcuts(owner: string, own: readonly Shortcut[]): void {
  const newest = useRef(own);
  newest.current = own;
  useEffect(() => {
    const registered = own.map((shortcut, index) => ({ ...shortcut, run: (event: KeyboardEvent) => newest.current[index]?.run(event) }));
    active.value = new Map(active.peek()).set(owner, registered);
    return () => {
      const next = new Map(active.peek());
      next.delete(owner);
      active.value = next;
    };
  }, [owner, own.map((shortcut) => shortcut.keys).join()]);
}

const ARROWS = /^(Arrow|Home|End|Page)/;

/** Whether a key is for the part of the page that has the focus: text that is typed, a button that is pushed, a slider that is moved. */
function belongsTo(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || /^(SELECT|TEXTAREA)$/.test(target.tagName)) return true;
  if (target instanceof HTMLInputElement) {
    if (target.type === 'checkbox') return key === ' ';
    if (target.type === 'radio' || target.type === 'range') return key === ' ' || ARROWS.test(key);
    return true;
  }
  if (key === ' ' || key === 'Enter') return target.closest('button, a, summary, [role=slider]') !== null;
  return false;
}

/** Called once. Keys that are typed into a field, or with Control, are not ours. */
export function listenForShortcuts(): void {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || belongsTo(event.target, event.key) || document.querySelector('dialog[open]')) return;
    for (const shortcut of shortcuts.value) {
      if (![shortcut.key].flat().includes(event.key)) continue;
      event.preventDefault();
      shortcut.run(event);
      return;
    }
  });
}
