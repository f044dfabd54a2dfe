import type { Store } from './store';

/** The newest notices, newest first. */
export class NoticeList {
  private newest: unknown;

  constructor(
    private readonly list: HTMLElement,
    private readonly empty: HTMLElement,
  ) {}

  render(store: Store): void {
    if (store.notices[0] === this.newest) return;
    this.newest = store.notices[0];
    this.empty.hidden = store.notices.length > 0;
    this.list.replaceChildren(
      ...store.notices.map((notice) => {
        const item = document.createElement('li');
        item.dataset.severity = notice.severity;
        const time = document.createElement('time');
        time.textContent = new Date(notice.timestamp).toLocaleTimeString('en-GB');
        item.append(time, notice.message);
        return item;
      }),
    );
  }
}
