import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Selection } from './selection';
import type { Store } from './store';

const WINDOW_MS = 60_000;

function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB');
}

/** Speeds of the chosen cars over the last minute of event time. */
export class Trace {
  private plot: uPlot | undefined;
  private shown = '';

  constructor(
    private readonly root: HTMLElement,
    private readonly legend: HTMLElement,
    private readonly selection: Selection,
  ) {
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(root);
  }

  render(store: Store): void {
    const chosen = this.selection.entries();
    const key = JSON.stringify(chosen);
    if (key !== this.shown) this.rebuild(chosen, key);
    if (!this.plot) return;
    const newest = Math.max(0, ...chosen.map(([chassis]) => store.cars.get(chassis)?.eventMs ?? 0));
    const since = newest - WINDOW_MS;
    const tables = chosen.map(([chassis]) => {
      const pairs = store.cars.get(chassis)?.trace.since(since) ?? [];
      return [pairs.map((p) => p[0] / 1000), pairs.map((p) => p[1])] as uPlot.AlignedData;
    });
    if (tables.length === 0) return;
    this.plot.setData(tables.length === 1 ? tables[0]! : uPlot.join(tables), false);
    this.plot.setScale('x', { min: since / 1000, max: newest / 1000 });
  }

  private size(): { width: number; height: number } {
    return { width: Math.max(this.root.clientWidth, 200), height: Math.max(this.root.clientHeight, 140) };
  }

  private rebuild(chosen: [string, string][], key: string): void {
    this.shown = key;
    this.plot?.destroy();
    this.plot = undefined;
    this.legend.replaceChildren(
      ...chosen.map(([chassis, color]) => {
        const item = document.createElement('li');
        item.textContent = chassis;
        item.style.setProperty('--color', color);
        return item;
      }),
    );
    if (chosen.length === 0) return;
    const style = getComputedStyle(document.body);
    const axis: uPlot.Axis = {
      stroke: style.getPropertyValue('--quiet'),
      grid: { stroke: style.getPropertyValue('--line'), width: 1 },
      ticks: { show: false },
      font: '12px system-ui, sans-serif',
    };
    this.plot = new uPlot(
      {
        ...this.size(),
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_plot, min, max) => [Math.min(0, min ?? 0), Math.max(50, (max ?? 0) * 1.05)] } },
        axes: [{ ...axis, space: 90, values: (_plot, times) => times.map(clock) }, { ...axis, size: 44 }],
        series: [
          {},
          ...chosen.map(([chassis, color]) => ({
            label: chassis, stroke: color, width: 2, spanGaps: true, points: { show: false },
          })),
        ],
      },
      chosen.length === 1 ? [[], []] : [[], ...chosen.map(() => [])],
      this.root,
    );
  }
}
