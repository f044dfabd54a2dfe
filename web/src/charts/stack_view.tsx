import { useEffect, useRef, useState } from 'preact/hooks';
import { channelOf } from '../model/channels';
import { fixed, name as shownName } from '../model/format';
import { settings, ShownChannel } from '../state/settings';
import { Chip } from '../ui/parts';
import { ChartStack, type StackData } from './chart_stack';
import { valueAt } from './values';

export interface StackViewLine { key: string; label: string; colour: string; dashed?: boolean }

/**
 * What a stack has to be told when it is drawn; null: nothing is to be drawn. Where `all` is false, a stack whose picture would be that of
 * the last time may be passed over likewise.
 */
export type Draw = (width: number, all: boolean) => (StackData & { from: number; to: number }) | null;

/** Of what was computed, and is no field. */
export interface OwnLabel {
  label: string;
  unit: string;
  decimals: number;
  weight?: number;
  text?: (value: number) => string;
  axisText?: (value: number) => string;
}

export interface StackViewProps {
  channels: readonly string[];
  lines: readonly StackViewLine[];
  labels?: Record<string, OwnLabel>;
  xText: (x: number) => string;
  xLabel: string;
  draw: Draw;
  /** Drawn with the display at most every so many ms; not there: when `version` changes. */
  everyMs?: number;
  version?: unknown;
  cursor?: number | null;
  second?: number | null;
  onCursor?: (x: number | null) => void;
  onSecond?: (x: number) => void;
  onZoom?: (from: number, to: number) => void;
  onZoomReset?: () => void;
  asTable?: boolean;
  /** Places are whole numbers, as laps are: the axis has no others. */
  wholeX?: boolean;
  testId?: string;
  /** What the chart shows, in words, for those who do not see it. */
  label: string;
}

interface ChannelText {
  label: string;
  unit: string;
  decimals: number;
  weight: number;
  shown: ShownChannel | undefined;
  text: ((value: number) => string) | undefined;
}

function textOf(field: string, labels: StackViewProps['labels']): ChannelText {
  const own = labels?.[field];
  if (own) return { label: own.label, unit: own.unit, decimals: own.decimals, weight: own.weight ?? 1, shown: undefined, text: own.text };
  const shown = new ShownChannel(channelOf(field));
  const { label, decimals, weight } = shown.channel;
  return { label, unit: shown.unit, decimals, weight, shown, text: undefined };
}

function valueText(value: number | null, by: ChannelText): string {
  return value !== null && by.text ? by.text(value) : fixed(value, by.decimals);
}

const VALUES_EVERY_MS = 100;

/** Stacked charts with their channels' names, and the lines' values at the cursor, or the newest ones where nobody points. */
export function StackView(props: StackViewProps) {
  const host = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLDivElement>(null);
  const chart = useRef<ChartStack | undefined>(undefined);
  const newest = useRef<(StackData & { from: number; to: number }) | undefined>(undefined);
  const pointed = useRef<number | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const writtenAt = useRef(-Infinity);
  const [tops, setTops] = useState<number[]>([]);
  const texts = props.channels.map((field) => textOf(field, props.labels));
  const shape = JSON.stringify([props.channels, props.lines, settings.value]);

  /** Nobody reads numbers that change more often. */
  const writeValues = (now = performance.now()) => {
    if (latest.current.everyMs !== undefined && now - writtenAt.current < VALUES_EVERY_MS) return;
    writtenAt.current = now;
    const data = newest.current;
    if (!data || !legend.current) return;
    const { channels, lines, labels } = latest.current;
    channels.forEach((field, index) => {
      const by = textOf(field, labels);
      lines.forEach((_, line) => {
        const cell = legend.current?.children[index]?.children[2 + line] as HTMLElement | undefined;
        const { values = [], gaps = [] } = data.lines[index]?.[line] ?? {};
        const at = pointed.current;
        const value = at !== null ? valueAt(data.grid, values, at, gaps) : data.stale?.[line] ? null : newestOf(values);
        const text = valueText(value, by);
        if (cell && cell.textContent !== text) cell.textContent = text;
      });
    });
  };

  useEffect(() => {
    const stack = new ChartStack(
      host.current!,
      latest.current.channels.map((field) => {
        const { decimals, weight, shown } = textOf(field, latest.current.labels);
        const axisText = latest.current.labels?.[field]?.axisText;
        const range = shown?.channel.range;
        const known = shown?.channel;
        return {
          key: field, weight, decimals,
          ...(range && shown ? { range: [shown.value(range[0]) - 0.04 * spanOf(shown, range), shown.value(range[1]) + 0.04 * spanOf(shown, range)] as const } : {}),
          ...(known?.stepped ? { stepped: true } : {}),
          ...(axisText ? { axisText } : {}),
        };
      }),
      latest.current.lines, (x) => latest.current.xText(x),
      {
        onCursor: (x) => {
          pointed.current = x;
          writeValues();
          latest.current.onCursor?.(x);
        },
        onZoom: (from, to) => latest.current.onZoom?.(from, to),
        onZoomReset: () => latest.current.onZoomReset?.(),
      },
      latest.current.wholeX,
    );
    chart.current = stack;
    const place = () => setTops(latest.current.channels.map((_, index) => stack.topOf(index)));
    const observer = new ResizeObserver(() => {
      place();
      drawNow();
    });
    observer.observe(host.current!);
    place();
    drawNow();
    return () => {
      observer.disconnect();
      stack.destroy();
      chart.current = undefined;
    };
  }, [shape]);

  const drawNow = (all = true) => {
    const stack = chart.current;
    if (!stack) return false;
    const data = latest.current.draw(Math.round(stack.width), all);
    if (!data) return false;
    newest.current = data;
    stack.draw(data, data.from, data.to);
    writeValues();
    return true;
  };

  useEffect(() => {
    if (props.everyMs === undefined) {
      chart.current?.forgetRanges();
      drawNow();
      return undefined;
    }
    const everyMs = props.everyMs;
    let last = -Infinity;
    let frame = requestAnimationFrame(function next(now) {
      if (now - last >= everyMs - 4) {
        // What came is drawn with the next frame, if the one before is long enough ago.
        if (drawNow(false)) last = now;
      }
      frame = requestAnimationFrame(next);
    });
    return () => cancelAnimationFrame(frame);
  }, [props.everyMs, props.version, shape]);

  useEffect(() => {
    if (props.cursor === undefined) return;
    pointed.current = props.cursor;
    chart.current?.setCursor(props.cursor);
    writeValues();
  }, [props.cursor, shape]);
  useEffect(() => chart.current?.setSecondCursor(props.second ?? null), [props.second, shape]);

  return (
    <div class="stack" data-testid={props.testId} role="group" aria-label={props.label} onClick={(event) => {
      if (event.shiftKey && pointed.current !== null) props.onSecond?.(pointed.current);
    }}>
      <div class="host" ref={host} />
      <div ref={legend} aria-hidden="true">
        {texts.map((text, index) => (
          <div class="legend" key={props.channels[index]} style={{ top: `${(tops[index] ?? 0) + 4}px` }}>
            <b>{shownName(text.label)}</b>
            <span class="muted">{text.unit}</span>
            {props.lines.map((line) => <span key={line.key} style={{ color: `var(${line.colour})` }} />)}
          </div>
        ))}
      </div>
      {props.asTable && newest.current && <ValueTable data={newest.current} texts={texts} lines={props.lines} xText={props.xText} xLabel={props.xLabel} />}
    </div>
  );
}

function spanOf(shown: ShownChannel, range: readonly [number, number]): number {
  return shown.value(range[1]) - shown.value(range[0]);
}

function newestOf(values: readonly (number | null | undefined)[]): number | null {
  for (let at = values.length - 1; at >= 0; at--) {
    const value = values[at];
    if (value !== undefined && value !== null) return value;
  }
  return null;
}

const TABLE_ROWS = 40;

/** What the charts show, in numbers. */
function ValueTable(props: {
  data: StackData & { from: number; to: number }; texts: ChannelText[]; lines: readonly StackViewLine[]; xText: (x: number) => string; xLabel: string;
}) {
  const { data, texts, lines } = props;
  // Few places, as laps are, are told one by one.
  const whole = data.grid.length <= TABLE_ROWS ? [...data.grid] : undefined;
  const places = whole ?? Array.from({ length: TABLE_ROWS + 1 }, (_, row) => data.from + ((data.to - data.from) * row) / TABLE_ROWS);
  return (
    <div class="values" tabIndex={0} role="group" aria-label="The charts as a table">
      <table>
        <thead>
          <tr><th class="left">{props.xLabel}</th>{texts.flatMap((text) => lines.map((line) => <th key={text.label + line.key}>{shownName(text.label)} {text.unit}, {shownName(line.label)}</th>))}</tr>
        </thead>
        <tbody>
          {places.map((x, row) => (
            <tr key={x}>
              <td class="left">{props.xText(x)}</td>
              {texts.flatMap((text, channel) => lines.map((line, index) => (
                <td key={text.label + line.key}>{valueText(whole ? (data.lines[channel]?.[index]?.values[row] ?? null) : valueAt(data.grid, data.lines[channel]?.[index]?.values ?? [], x, data.lines[channel]?.[index]?.gaps ?? []), text)}</td>
              )))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The switch between a chart and its table. */
export function TableChip(props: { on: boolean; set: (on: boolean) => void }) {
  return <Chip on={props.on} title="The same as a table" onClick={() => props.set(!props.on)}>Table</Chip>;
}
