import { useEffect, useRef, useState } from 'preact/hooks';
import { bound, histogramsOf, since, type Histogram } from '../../data/metrics';
import { DASH } from '../../model/format';
import { getText } from '../../net/api';
import { useQuery } from '../../net/query';
import { Panel, Scroll } from '../../ui/parts';

const EVERY_MS = 5000;
const SHOWN: [string, string][] = [
  ['slipstream_ingest_to_broadcast_seconds', 'receipt to broadcast'], ['slipstream_ingest_to_rollup_seconds', 'last receipt to a window’s commit'],
  ['slipstream_batch_processing_seconds', 'a partition’s batch'], ['slipstream_log_fsync_seconds', 'a sync of the log'],
  ['slipstream_store_commit_seconds', 'a commit of the store'], ['slipstream_history_query_seconds', 'a question about laps'],
];

/** How long things take, of the last seconds: bounds that half, and 99 of 100, keep. */
export function LatencyPanel() {
  const answer = useQuery('metrics', (abort) => getText('/metrics', abort), EVERY_MS);
  const before = useRef<Map<string, Histogram> | undefined>(undefined);
  const [rows, setRows] = useState<Map<string, Histogram>>(new Map());
  useEffect(() => {
    if (answer.data === undefined) return;
    const now = histogramsOf(answer.data, SHOWN.map(([name]) => name));
    setRows(new Map([...now].map(([name, histogram]) => [name, since(histogram, before.current?.get(name))])));
    before.current = now;
  }, [answer.data]);
  return (
    <Panel title="Latency" tools={<><span class="grow" /><span class="muted">at most, last {EVERY_MS / 1000} s</span></>}>
      <Scroll label="Latency">
        <table>
          <thead><tr><th class="left">From, to</th><th>half</th><th>99 %</th></tr></thead>
          <tbody>
            {SHOWN.filter(([name]) => rows.has(name)).map(([name, label]) => (
              <tr key={name}><td class="left">{label}</td><td>{text(bound(rows.get(name)!, 0.5))}</td><td>{text(bound(rows.get(name)!, 0.99))}</td></tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}

function text(seconds: number): string {
  if (Number.isNaN(seconds)) return DASH;
  if (seconds === Infinity) return 'longer';
  return seconds < 1 ? `${Number((seconds * 1000).toPrecision(3))} ms` : `${Number(seconds.toPrecision(3))} s`;
}
