import { signal } from '@preact/signals';

interface Toast { id: number; text: string }

const toasts = signal<readonly Toast[]>([]);
let counter = 0;

/** A word to the viewer that goes by itself. */
export function toast(text: string): void {
  const id = ++counter;
  toasts.value = [...toasts.value.filter((shown) => shown.text !== text).slice(-3), { id, text }];
  setTimeout(() => {
    toasts.value = toasts.value.filter((shown) => shown.id !== id);
  }, 5000);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((shown) => <div class="toast" key={shown.id}>{shown.text}</div>)}
    </div>
  );
}
