import type { Lap, Trace } from '../../model/messages';
import { ApiError, getJson, query, save } from '../../net/api';
import { toast } from '../../ui/toasts';

/** A lap and its points, by the seconds since it began. */
export interface RecordedLap { lap: Lap; trace: Pick<Trace, 'x' | 'fields'> }

/** Laps as an MCAP file (mcap.dev, version 0): a channel a lap, whose messages are its points as JSON, at their times. */
export function mcapOf(recorded: readonly RecordedLap[]): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  writer.magic();
  writer.record(0x01, (body) => body.text('').text('slipstream'));
  recorded.forEach(({ lap, trace }, index) => {
    const properties = Object.fromEntries(Object.keys(trace.fields).map((field) => [field, { type: 'number' }]));
    const schema = new TextEncoder().encode(JSON.stringify({ type: 'object', properties }));
    writer.record(0x03, (body) => body.u16(index + 1).text(`lap ${index + 1}`).text('jsonschema').bytes(schema));
    writer.record(0x04, (body) => body.u16(index + 1).u16(index + 1).text(`/${lap.chassis}/lap ${lap.lap}`).text('json').u32(0));
  });
  recorded.forEach(({ lap, trace }, index) => {
    const startedMs = Date.parse(lap.started);
    trace.x.forEach((seconds, row) => {
      if (seconds === null) return;
      const values: Record<string, number> = {};
      for (const [field, column] of Object.entries(trace.fields)) {
        const value = column[row];
        if (value !== null && value !== undefined) values[field] = value;
      }
      const time = BigInt(Math.round((startedMs + seconds * 1000) * 1e3)) * 1000n;
      const data = new TextEncoder().encode(JSON.stringify(values));
      writer.record(0x05, (body) => body.u16(index + 1).u32(row).u64(time).u64(time).raw(data));
    });
  });
  writer.record(0x0f, (body) => body.u32(0));
  writer.record(0x02, (body) => body.u64(0n).u64(0n).u32(0));
  writer.magic();
  return writer.take();
}

/** Has the browser save all points of these laps, in the channels that are seen. */
export async function saveMcap(laps: readonly Lap[], fields: readonly string[]): Promise<void> {
  try {
    const recorded = await Promise.all(laps.map(async (lap) => {
      const there = [...new Set(['lapdist_m', ...fields])].filter((field) => lap.channels.includes(field));
      return { lap, trace: await getJson<Trace>(`/api/trace${query({ lap: lap.id, by: 'time', points: 0, fields: there.join() })}`) };
    }));
    save(new Blob([mcapOf(recorded)], { type: 'application/octet-stream' }), `${laps.length}-laps.mcap`);
  } catch (error) {
    toast(error instanceof ApiError ? error.message : String(error));
  }
}

/** Little-endian, as MCAP wants it. */
class Writer {
  private parts: Uint8Array<ArrayBuffer>[] = [];

  magic(): void {
    this.raw(Uint8Array.from([0x89, 0x4d, 0x43, 0x41, 0x50, 0x30, 0x0d, 0x0a]));
  }

  record(opcode: number, fill: (body: Writer) => void): void {
    const body = new Writer();
    fill(body);
    const content = body.take();
    this.raw(Uint8Array.of(opcode)).u64(BigInt(content.length)).raw(content);
  }

  u16(value: number): this {
    return this.number(2, (view) => view.setUint16(0, value, true));
  }

  u32(value: number): this {
    return this.number(4, (view) => view.setUint32(0, value, true));
  }

  u64(value: bigint): this {
    return this.number(8, (view) => view.setBigUint64(0, value, true));
  }

  text(value: string): this {
    return this.bytes(new TextEncoder().encode(value));
  }

  bytes(value: Uint8Array<ArrayBuffer>): this {
    return this.u32(value.length).raw(value);
  }

  raw(value: Uint8Array<ArrayBuffer>): this {
    this.parts.push(value);
    return this;
  }

  take(): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(this.parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  private number(size: number, set: (view: DataView) => void): this {
    const buffer = new ArrayBuffer(size);
    set(new DataView(buffer));
    return this.raw(new Uint8Array(buffer));
  }
}
