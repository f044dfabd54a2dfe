import uPlot from 'uplot';
import type { Gap, Line } from './decimate';

/** One chart of a stack: a channel of all lines. */
export interface StackChannel {
  key: string;
  weight: number;
  /** Fixed in what is shown; not there: by the values, and never narrower than what was shown while the view stays. */
  range?: readonly [number, number];
  stepped?: boolean;
  decimals: number;
  /** How the axis writes a value; not there: as a number. */
  axisText?: (value: number) => string;
}

export interface StackLine { key: string; colour: string; dashed?: boolean }

export interface StackData {
  grid: Float64Array;
  /** By channel, then by line. */
  lines: Line[][];
  /** By line: nothing new came of it for a while, so it has no newest value. */
  stale?: boolean[];
  /** Labels of the axis are written anew when it changes: they may depend on more than the places. */
  axis?: unknown;
}

export interface StackEvents {
  /** The place that is pointed at; null: none is. */
  onCursor?: (x: number | null) => void;
  onZoom?: (from: number, to: number) => void;
  onZoomReset?: () => void;
}

const AXIS_WIDTH = 46;
const X_AXIS_HEIGHT = 22;
/** Room for half of the last label of the axis. */
const RIGHT_MARGIN = 14;
/** Above the lines stand the channel's name and the values. */
const LEGEND_HEIGHT = 20;
let stacks = 0;

export function cssColour(element: Element, name: string): string {
  return getComputedStyle(element).getPropertyValue(name).trim() || '#888';
}

/** Charts above each other with one axis, one cursor and one zoom. Drawn anew only when it is told to. */
export class ChartStack {
  private plots: uPlot[] = [];
  private bands: Gap[] = [];
  private second: number | null = null;
  private shown: [number, number] = [0, 1];
  private readonly ranges: ([number, number] | undefined)[] = [];
  private readonly sync = `stack ${++stacks}`;
  private readonly observer: ResizeObserver;
  private silent = false;
  private axis: unknown;
  /** Width of the plotted part, in CSS pixels: a grid is as wide. */
  width = 300;

  constructor(
    private readonly host: HTMLElement, private readonly channels: readonly StackChannel[], private readonly lines: readonly StackLine[],
    private readonly xText: (x: number) => string, private readonly events: StackEvents, private readonly wholeX = false,
  ) {
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(host);
    this.build();
  }

  destroy(): void {
    this.observer.disconnect();
    for (const plot of this.plots) plot.destroy();
    this.plots = [];
  }

  /** Where a channel's chart begins, from the top of the stack: its name and values stand there. */
  topOf(index: number): number {
    return this.plots[index]?.root.offsetTop ?? 0;
  }

  draw(data: StackData, from: number, to: number): void {
    this.shown = [from, to];
    this.bands = data.lines.flatMap((channel) => channel.flatMap((line) => line.gaps));
    this.silent = true;
    this.plots.forEach((plot, index) => {
      const lines = data.lines[index] ?? [];
      const aligned = [data.grid, ...this.lines.map((_, line) => lines[line]?.values ?? [])] as unknown as uPlot.AlignedData;
      plot.batch(() => {
        plot.setData(aligned, false);
        const [low, high] = this.rangeOf(index, lines);
        plot.setScale('y', { min: low, max: high });
        plot.setScale('x', { min: from, max: to });
      });
    });
    if (data.axis !== this.axis) this.plots[this.plots.length - 1]?.redraw(false, true);
    this.axis = data.axis;
    this.silent = false;
  }

  /** Forgets how far values reached: for another zoom, or another lap. */
  forgetRanges(): void {
    this.ranges.length = 0;
  }

  setCursor(x: number | null): void {
    this.silent = true;
    for (const plot of this.plots) plot.setCursor(x === null ? { left: -10, top: -10 } : { left: plot.valToPos(x, 'x'), top: 10 });
    this.silent = false;
  }

  setSecondCursor(x: number | null): void {
    this.second = x;
    for (const plot of this.plots) plot.redraw(false);
  }

  private rangeOf(index: number, lines: Line[]): [number, number] {
    const fixed = this.channels[index]!.range;
    if (fixed) return [fixed[0], fixed[1]];
    let low = Infinity;
    let high = -Infinity;
    for (const line of lines) {
      for (const value of line.values) {
        if (value === null || value === undefined) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    const old = this.ranges[index];
    if (low > high) return old ?? [0, 1];
    if (old && low >= old[0] && high <= old[1]) return old;
    const margin = Math.max((high - low) * 0.08, Math.abs(high) * 0.01, 1e-3);
    const next: [number, number] = [Math.min(low - margin, old?.[0] ?? Infinity), Math.max(high + margin, old?.[1] ?? -Infinity)];
    this.ranges[index] = next;
    return next;
  }

  private heights(): number[] {
    const total = Math.max(this.host.clientHeight - X_AXIS_HEIGHT, this.channels.length * 44);
    const weights = this.channels.reduce((sum, channel) => sum + channel.weight, 0);
    return this.channels.map((channel, index) =>
      Math.floor((total * channel.weight) / weights) + (index === this.channels.length - 1 ? X_AXIS_HEIGHT : 0));
  }

  private resize(): void {
    const heights = this.heights();
    const width = this.host.clientWidth;
    if (width === 0) return;
    this.plots.forEach((plot, index) => {
      if (plot.width !== width || plot.height !== heights[index]) plot.setSize({ width, height: heights[index]! });
    });
    this.width = Math.max(width - AXIS_WIDTH - RIGHT_MARGIN, 40);
  }

  private build(): void {
    const heights = this.heights();
    const grid = cssColour(this.host, '--line-soft');
    const ink = cssColour(this.host, '--faint');
    const font = `11px ${getComputedStyle(this.host).fontFamily}`;
    this.plots = this.channels.map((channel, index) => {
      const last = index === this.channels.length - 1;
      const options: uPlot.Options = {
        width: Math.max(this.host.clientWidth, AXIS_WIDTH + 40),
        height: heights[index]!,
        padding: [LEGEND_HEIGHT, RIGHT_MARGIN, last ? 0 : 2, 0],
        legend: { show: false },
        cursor: {
          sync: { key: this.sync, setSeries: false },
          drag: { x: true, y: false, setScale: false },
          points: { size: 6 },
          y: false,
        },
        scales: { x: { time: false, auto: false, range: (_, min, max) => [min, max] }, y: { auto: false, range: (_, min, max) => [min, max] } },
        axes: [
          {
            show: last, stroke: ink, font, size: X_AXIS_HEIGHT, gap: 2, ticks: { show: false }, grid: { stroke: grid, width: 1 },
            values: (_, places) => places.map(this.xText),
            ...(this.wholeX ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] } : {}),
          },
          {
            stroke: ink, font, size: AXIS_WIDTH, gap: 4, ticks: { show: false }, grid: { stroke: grid, width: 1 }, space: 28,
            values: (_, places) => places.map(channel.axisText ?? axisNumber),
          },
        ],
        series: [
          {},
          ...this.lines.map((line): uPlot.Series => ({
            stroke: cssColour(this.host, line.colour), width: 1.5, points: { show: false }, spanGaps: false,
            ...(line.dashed ? { dash: [5, 4] } : {}),
            ...(channel.stepped ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
          })),
        ],
        hooks: {
          drawClear: [(plot) => this.shade(plot)],
          draw: [(plot) => this.drawSecond(plot)],
          ...(index === 0 ? { setCursor: [(plot: uPlot) => this.tellCursor(plot)] } : {}),
          setSelect: [(plot) => this.zoomTo(plot)],
          ready: [(plot) => plot.over.addEventListener('dblclick', () => this.events.onZoomReset?.())],
        },
      };
      const empty = [[], ...this.lines.map(() => [])] as unknown as uPlot.AlignedData;
      return new uPlot(options, empty, this.host);
    });
    this.width = Math.max(this.host.clientWidth - AXIS_WIDTH - RIGHT_MARGIN, 40);
  }

  private tellCursor(plot: uPlot): void {
    if (this.silent) return;
    const left = plot.cursor.left ?? -1;
    this.events.onCursor?.(left < 0 ? null : plot.posToVal(left, 'x'));
  }

  private zoomTo(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 4) return;
    const from = plot.posToVal(left, 'x');
    const to = plot.posToVal(left + width, 'x');
    for (const each of this.plots) each.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.events.onZoom?.(from, to);
  }

  /** What was lost is a shaded gap. */
  private shade(plot: uPlot): void {
    if (this.bands.length === 0) return;
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = cssColour(this.host, '--lost');
    for (const { from, to } of this.bands) {
      const left = Math.max(plot.valToPos(Math.max(from, this.shown[0]), 'x', true), bbox.left);
      const right = Math.min(plot.valToPos(Math.min(to, this.shown[1]), 'x', true), bbox.left + bbox.width);
      if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  }

  private drawSecond(plot: uPlot): void {
    if (this.second === null) return;
    const { ctx, bbox } = plot;
    const x = Math.round(plot.valToPos(this.second, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    ctx.save();
    ctx.strokeStyle = cssColour(this.host, '--text');
    ctx.setLineDash([4, 4]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }
}

function axisNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 10_000) return `${Number((value / 1000).toFixed(1))}k`;
  return String(Number(value.toFixed(size < 1 ? 2 : size < 10 ? 1 : 0)));
}
