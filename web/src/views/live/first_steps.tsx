import type { Health } from '../../model/messages';
import { getJson, type ApiError } from '../../net/api';
import { useQuery } from '../../net/query';
import { Command, Empty, Panel, Problem } from '../../ui/parts';

/** What stands here before the first point came: how to send one. */
export function FirstSteps(props: { error: ApiError | undefined; asked: boolean }) {
  const health = useQuery('health', (abort) => getJson<Health>('/api/health', abort));
  const udp = (health.data?.sources as { udp?: { enabled?: boolean; port?: number } } | undefined)?.udp;
  const point = '{"track":"spa","chassis":"car 1","lap":1,"lapdist_m":120,"speed_kmh":181.5}';
  return (
    <div class="view">
      <Panel title="First steps">
        <Problem error={props.error ?? health.error} />
        {props.asked && (
          <Empty title="Nothing has come yet" testId="first-steps">
            <p>A point by HTTP:</p>
            <Command text={`curl ${location.origin}/api/ingest -H 'Content-Type: application/json' -d '${point}'`} />
            {udp?.port !== undefined && udp.enabled !== false && (
              <>
                <p>The same by UDP:</p>
                <Command text={`echo '${point}' | nc -u -w1 ${location.hostname} ${udp.port}`} />
                <p>
                  A racing game: turn on its UDP telemetry, with this machine’s address and the port {udp.port}. F1 and Forza are known without
                  more; Gran Turismo 7 and Assetto Corsa Competizione are named in the configuration.
                </p>
              </>
            )}
          </Empty>
        )}
      </Panel>
    </div>
  );
}
