import type { TrackLine } from '../model/messages';
import { cssColour } from './chart_stack';

/** A dot on the map. */
export interface MapDot {
  key: string;
  label: string;
  x: number;
  y: number;
  /** A token of the palette; not there: a car that nobody chose. */
  colour?: string | undefined;
  /** What it is like is not known any more: its last place. */
  stale?: boolean;
}

/** A piece of the line, drawn over it: where somebody was faster, or what is pointed at. */
export interface MapStretch { fromM: number; toM: number; colour: string }

interface View { scale: number; dx: number; dy: number }

const MARGIN = 22;

/**
 * A track seen from above, on a canvas: its line, its sectors, dots that move. Games' y axis points up, which is `z` here, and north is up
 * of GPS, so both are turned over once. Threads: the page's.
 */
export class TrackMap {
  private view: View | undefined;
  /** The line as it was drawn last: what does not move is not drawn anew with each frame. */
  private ground: HTMLCanvasElement | undefined;
  private colours = new Map<string, string>();
  private line: readonly [number, number][] = [];
  private places: number[] = [];
  private readonly observer: ResizeObserver;
  private readonly context: CanvasRenderingContext2D;
  private flip = 1;
  private track: TrackLine | undefined;

  constructor(private readonly canvas: HTMLCanvasElement, private readonly onResize: () => void) {
    this.context = canvas.getContext('2d')!;
    this.observer = new ResizeObserver(() => {
      this.forgetGround();
      this.onResize();
    });
    this.observer.observe(canvas);
  }

  destroy(): void {
    this.observer.disconnect();
  }

  /** A learned line; or, where none is yet, places that were driven, so that the dots are not in an empty space. */
  setLine(track: TrackLine | undefined, driven: readonly [number, number][] = []): void {
    this.track = track && track.line.length > 1 ? track : undefined;
    this.line = this.track ? this.track.line : driven;
    this.flip = track?.frame === 'world' ? 1 : -1;
    this.forgetGround();
    this.places = this.track ? distances(this.track) : [];
  }

  /** Where a distance from the start line is; undefined without a line. */
  placeOf(distanceM: number): [number, number] | undefined {
    if (this.places.length < 2 || !this.track) return undefined;
    const at = ((distanceM % this.track.length_m) + this.track.length_m) % this.track.length_m;
    let low = 0;
    let high = this.places.length - 1;
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if (this.places[middle]! <= at) low = middle;
      else high = middle;
    }
    const span = this.places[high]! - this.places[low]!;
    const share = span > 0 ? Math.min((at - this.places[low]!) / span, 1) : 0;
    const [a, b] = [this.line[low]!, this.line[high]!];
    return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share];
  }

  private forgetGround(): void {
    this.view = undefined;
    this.ground = undefined;
    this.colours.clear();
  }

  /** Of a token; looked up once, until the line or the theme changes. */
  private colour(token: string): string {
    let colour = this.colours.get(token);
    if (colour === undefined) this.colours.set(token, (colour = cssColour(this.canvas, token)));
    return colour;
  }

  draw(dots: readonly MapDot[], stretches: readonly MapStretch[] = []): void {
    const ratio = window.devicePixelRatio || 1;
    const width = this.canvas.clientWidth;
    const height = this.canvas.clientHeight;
    if (width === 0 || height === 0) return;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const { context } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const view = (this.view ??= this.fit(width, height, dots));
    if (!view) return;
    this.ground ??= this.drawGround(view, ratio);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.ground, 0, 0);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const stretch of stretches) this.drawStretch(view, stretch);
    context.font = `600 11px ${getComputedStyle(this.canvas).fontFamily}`;
    context.textBaseline = 'middle';
    for (const dot of dots) if (!dot.colour) this.drawDot(view, dot);
    for (const dot of dots) if (dot.colour) this.drawDot(view, dot);
  }

  private fit(width: number, height: number, dots: readonly MapDot[]): View | undefined {
    const all = this.line.length > 1 ? this.line : dots.map((dot): [number, number] => [dot.x, dot.y]);
    if (all.length === 0) return undefined;
    let [minX, maxX, minY, maxY] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const [x, y] of all) {
      minX = Math.min(minX, x);
      maxX = Math.max(maxX, x);
      minY = Math.min(minY, y * this.flip);
      maxY = Math.max(maxY, y * this.flip);
    }
    const scale = Math.min((width - 2 * MARGIN) / Math.max(maxX - minX, 1), (height - 2 * MARGIN) / Math.max(maxY - minY, 1));
    return { scale, dx: (width - (minX + maxX) * scale) / 2, dy: (height - (minY + maxY) * scale) / 2 };
  }

  private at(view: View, [x, y]: readonly [number, number]): [number, number] {
    return [x * view.scale + view.dx, y * this.flip * view.scale + view.dy];
  }

  private drawGround(view: View, ratio: number): HTMLCanvasElement {
    const ground = document.createElement('canvas');
    Object.assign(ground, { width: this.canvas.width, height: this.canvas.height });
    const context = ground.getContext('2d')!;
    context.scale(ratio, ratio);
    if (this.track) this.drawTrack(context, view);
    else this.drawDriven(context, view);
    return ground;
  }

  private path(context: CanvasRenderingContext2D, view: View, from: number, to: number): void {
    context.beginPath();
    for (let node = from; node <= to; node++) {
      const [x, y] = this.at(view, this.line[node % this.line.length]!);
      if (node === from) context.moveTo(x, y);
      else context.lineTo(x, y);
    }
  }

  private drawTrack(context: CanvasRenderingContext2D, view: View): void {
    context.lineJoin = 'round';
    context.lineCap = 'round';
    context.strokeStyle = this.colour('--edge');
    context.lineWidth = 7;
    this.path(context, view, 0, this.line.length);
    context.stroke();
    context.strokeStyle = this.colour('--panel');
    context.lineWidth = 4;
    context.stroke();
    for (const sector of this.track!.sectors) this.drawAcross(context, view, sector.from_m, sector.from_m === 0 ? '--text' : '--faint');
  }

  private drawDriven(context: CanvasRenderingContext2D, view: View): void {
    context.fillStyle = this.colour('--edge');
    for (const place of this.line) {
      const [x, y] = this.at(view, place);
      context.fillRect(x - 0.75, y - 0.75, 1.5, 1.5);
    }
  }

  private drawAcross(context: CanvasRenderingContext2D, view: View, distanceM: number, colour: string): void {
    const here = this.placeOf(distanceM);
    const next = this.placeOf(distanceM + 4);
    if (!here || !next) return;
    const [x, y] = this.at(view, here);
    const [nx, ny] = this.at(view, next);
    const length = Math.hypot(nx - x, ny - y) || 1;
    const [ox, oy] = [(-(ny - y) / length) * 7, ((nx - x) / length) * 7];
    context.strokeStyle = this.colour(colour);
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(x - ox, y - oy);
    context.lineTo(x + ox, y + oy);
    context.stroke();
  }

  private drawStretch(view: View, { fromM, toM, colour }: MapStretch): void {
    const from = this.places.findIndex((place) => place >= fromM);
    if (from < 0) return;
    let to = from;
    while (to < this.places.length - 1 && this.places[to]! < toM) to++;
    this.context.strokeStyle = this.colour(colour);
    this.context.lineWidth = 5;
    this.context.lineCap = 'butt';
    this.path(this.context, view, from, to);
    this.context.stroke();
  }

  private drawDot(view: View, dot: MapDot): void {
    const { context } = this;
    const [x, y] = this.at(view, [dot.x, dot.y]);
    context.globalAlpha = dot.stale ? 0.4 : 1;
    context.fillStyle = this.colour(dot.colour ?? '--faint');
    context.beginPath();
    context.arc(x, y, dot.colour ? 6 : 4, 0, 2 * Math.PI);
    context.fill();
    if (dot.colour && dot.label !== '') {
      const text = dot.label.length > 14 ? `${dot.label.slice(0, 13)}…` : dot.label;
      const wide = context.measureText(text).width;
      const left = x + 10 + wide > this.canvas.clientWidth ? x - 10 - wide : x + 10;
      context.lineWidth = 3;
      context.strokeStyle = this.colour('--panel');
      context.strokeText(text, left, y);
      context.fillStyle = this.colour('--text');
      context.fillText(text, left, y);
    }
    context.globalAlpha = 1;
  }
}

/** Of each node of the line, its distance from the start line; scaled to what the server calls the length. */
function distances(track: TrackLine): number[] {
  const out = [0];
  for (let node = 1; node < track.line.length; node++) {
    const [a, b] = [track.line[node - 1]!, track.line[node]!];
    out.push(out[node - 1]! + Math.hypot(b[0] - a[0], b[1] - a[1]));
  }
  const [first, last] = [track.line[0]!, track.line[track.line.length - 1]!];
  const around = out[out.length - 1]! + Math.hypot(first[0] - last[0], first[1] - last[1]);
  return out.map((place) => (place * track.length_m) / around);
}
