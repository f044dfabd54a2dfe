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

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) &&
    !/^(checkbox|radio|range)$/.test((target as HTMLInputElement).type ?? '');
}

/** Called once. Keys that are typed into a field, or with Control, are not ours. */
export function listenForShortcuts(): void {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector('dialog[open]')) return;
    // A space pushes the button that has the focus.
    if ((event.key === ' ' || event.key === 'Enter') && event.target instanceof HTMLElement && event.target.closest('button, a, [role=slider]')) return;
    for (const shortcut of shortcuts.value) {
      if (![shortcut.key].flat().includes(event.key)) continue;
      event.preventDefault();
      shortcut.run(event);
      return;
    }
  });
}
