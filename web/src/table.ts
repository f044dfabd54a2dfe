import { ago, fixed, lapTime, whole } from './format';
import type { Standing } from './messages';
import type { Car, Store } from './store';
import type { Selection } from './selection';

const MAX_ROWS = 200;
const SILENT_MS = 3000;
const COLUMNS = ['position', 'chassis', 'track', 'lap', 'sector', 'speed', 'gap', 'interval', 'last', 'seen'] as const;
type Column = (typeof COLUMNS)[number];

interface Row {
  element: HTMLTableRowElement;
  cells: Record<Column, HTMLTableCellElement>;
}

/** The cars, row by row; rows move and change in place. */
export class CarTable {
  private readonly rows = new Map<string, Row>();

  constructor(
    private readonly body: HTMLElement,
    private readonly empty: HTMLElement,
    private readonly more: HTMLElement,
    private readonly filter: HTMLInputElement,
    private readonly selection: Selection,
  ) {}

  render(store: Store, now: number): void {
    const wanted = this.filter.value.trim().toLowerCase();
    const cars = [...store.cars.values()]
      .filter((car) => wanted === '' || `${car.chassis} ${car.track}`.toLowerCase().includes(wanted))
      .sort(byPosition);
    const shown = cars.slice(0, MAX_ROWS);
    const keep = new Set(shown.map((car) => car.chassis));
    for (const [chassis, row] of this.rows) {
      if (keep.has(chassis)) continue;
      row.element.remove();
      this.rows.delete(chassis);
    }
    shown.forEach((car, index) => {
      const row = this.rowOf(car);
      if (this.body.children[index] !== row.element) {
        this.body.insertBefore(row.element, this.body.children[index] ?? null);
      }
      this.fill(row, car, now);
    });
    this.empty.hidden = store.cars.size > 0;
    this.more.hidden = cars.length <= MAX_ROWS;
    this.more.textContent = `and ${cars.length - MAX_ROWS} more`;
  }

  private rowOf(car: Car): Row {
    const known = this.rows.get(car.chassis);
    if (known) return known;
    const element = document.createElement('tr');
    element.dataset.chassis = car.chassis;
    element.tabIndex = 0;
    const cells = {} as Record<Column, HTMLTableCellElement>;
    for (const column of COLUMNS) {
      const cell = element.insertCell();
      cell.dataset.cell = column;
      if (column !== 'chassis' && column !== 'track') cell.className = 'n';
      if (column === 'track' || column === 'interval' || column === 'last' || column === 'seen') cell.classList.add('wide');
      cells[column] = cell;
    }
    const toggle = () => this.selection.toggle(car.chassis);
    element.addEventListener('click', toggle);
    element.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      toggle();
    });
    const row = { element, cells };
    this.rows.set(car.chassis, row);
    return row;
  }

  private fill(row: Row, car: Car, now: number): void {
    const color = this.selection.color(car.chassis);
    row.element.setAttribute('aria-selected', String(color !== undefined));
    row.element.style.setProperty('--color', color ?? 'transparent');
    row.element.classList.toggle('silent', now - car.seenAt > SILENT_MS);
    const standing = car.standing;
    set(row.cells.position, whole(standing?.position));
    set(row.cells.chassis, car.chassis);
    set(row.cells.track, car.track);
    set(row.cells.lap, whole(car.lap));
    set(row.cells.sector, car.sector === undefined ? '–' : String(car.sector + 1));
    set(row.cells.speed, fixed(car.speed, 1));
    set(row.cells.gap, standing ? gap(standing) : '–');
    set(row.cells.interval, standing?.gap_ahead_s == null ? '–' : `+${standing.gap_ahead_s.toFixed(3)}`);
    set(row.cells.last, standing?.last_lap_s == null ? '–' : lapTime(standing.last_lap_s));
    set(row.cells.seen, ago(now - car.seenAt));
  }
}

function set(cell: HTMLElement, text: string): void {
  if (cell.textContent !== text) cell.textContent = text;
}

function gap(standing: Standing): string {
  if (standing.position === 1) return 'leader';
  if (standing.laps_behind > 0) return standing.laps_behind === 1 ? '+1 lap' : `+${standing.laps_behind} laps`;
  return standing.gap_leader_s === null ? '–' : `+${standing.gap_leader_s.toFixed(3)}`;
}

function byPosition(a: Car, b: Car): number {
  const track = a.track.localeCompare(b.track);
  if (track !== 0) return track;
  const position = (a.standing?.position ?? Infinity) - (b.standing?.position ?? Infinity);
  return position !== 0 && !Number.isNaN(position) ? position : a.chassis.localeCompare(b.chassis);
}
