import type { Store } from './store';

/** The newest notices, newest first. */
export class NoticeList {
  private changed = 0;

  constructor(
    private readonly list: HTMLElement,
    private readonly empty: HTMLElement,
  ) {}

  render(store: Store): void {
    if (store.noticesChanged === this.changed) return;
    this.changed = store.noticesChanged;
    this.empty.hidden = store.notices.length > 0;
    this.list.replaceChildren(
      ...store.notices.map((notice) => {
        const item = document.createElement('li');
        item.dataset.severity = notice.severity;
        item.dataset.state = notice.state;
        const time = document.createElement('time');
        time.textContent = new Date(notice.timestamp).toLocaleTimeString('en-GB');
        item.append(time, notice.message);
        if (notice.state === 'cleared') item.append(' (no longer)');
        return item;
      }),
    );
  }
}
