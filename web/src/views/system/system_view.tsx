import { useEffect, useState } from 'preact/hooks';
import { health as live } from '../../data/race';
import { duration, fixed, name as shownName, whole } from '../../model/format';
import type { Health } from '../../model/messages';
import { getJson } from '../../net/api';
import { useQuery } from '../../net/query';
import { Panel, Problem, Scroll } from '../../ui/parts';
import { place } from '../../ui/shell';
import { Line } from '../../ui/sparkline';
import { LatencyPanel } from './latency';
import { advice, figure, object, partsOf, textOf, type Part } from './parts_of';

/** How the server does: the figures that matter large, then a panel a part; what is wrong stands first, in words. */
export function SystemView() {
  const asked = useQuery('health', (abort) => getJson<Health>('/api/health', abort), 5000);
  const [rates, setRates] = useState<number[]>([]);
  const health = live.value ?? asked.data;
  useEffect(() => {
    place.value = 'system';
  }, []);
  useEffect(() => {
    const rate = figure(live.value, 'metrics', 'messageRate');
    if (rate !== undefined) setRates((old) => [...old, rate].slice(-120));
  }, [live.value]);
  if (!health) return <div class="view"><Problem error={asked.error} again={asked.again} /></div>;
  const metrics = object(health, 'metrics');
  const refused = Number(metrics.errors ?? 0);
  const lost = figure(health, 'sources', 'udp', 'kernelDrops') ?? 0;
  const problems = advice(asked.data ?? health);
  return (
    <div class="view system">
      <section class="kpis" aria-label="What matters">
        <Kpi testId="system-rate" value={whole(Number(metrics.messageRate ?? 0))} label="points a second in">
          <Line values={rates} fromZero />
        </Kpi>
        <Kpi value={whole(Number(metrics.messagesReceived ?? 0))} label="points since the start" />
        <Kpi value={whole(lost)} tone={lost > 0 ? 'bad' : 'good'} label="lost by the kernel" />
        <Kpi value={whole(refused)} tone={refused > 0 ? 'slow' : 'good'} label="refused" />
        <Kpi value={`${fixed(Number(metrics.avgProcessingTimeMs ?? NaN), 2)} ms`} label="mean time to process a point" />
        <Kpi value={duration(Number(health.uptimeSeconds ?? NaN))} label={`up · version ${shownName(textOf(health.version))}`} />
      </section>
      <Panel title="What is wrong" class="problems">
        <Scroll label="Problems">
          {problems.length === 0 ? <p class="empty good">Nothing: all parts do their work.</p> : (
            <ul>{problems.map((problem) => <li key={problem.what} class={`problem-row ${problem.tone}`}><b>{shownName(problem.what)}</b>{problem.todo && <span>{problem.todo}</span>}</li>)}</ul>
          )}
        </Scroll>
      </Panel>
      <LatencyPanel />
      {partsOf(health).map((part) => <PartPanel key={part.title} part={part} />)}
    </div>
  );
}

function Kpi(props: { value: string; label: string; tone?: string; testId?: string; children?: preact.ComponentChildren }) {
  return (
    <div class="panel kpi-panel">
      <span class="kpi"><b class={props.tone} data-testid={props.testId}>{props.value}</b><span>{props.label}</span></span>
      {props.children}
    </div>
  );
}

function PartPanel(props: { part: Part }) {
  const { part } = props;
  return (
    <Panel title={part.title} tools={<><span class="grow" /><span class={`pill ${part.tone}`}><span class="dot" aria-hidden="true" />{part.state}</span></>}>
      <Scroll label={part.title}>
        <dl class="rows">
          {part.rows.map(([label, value]) => <div key={label}><dt>{label}</dt><dd class="num">{value}</dd></div>)}
        </dl>
      </Scroll>
    </Panel>
  );
}

