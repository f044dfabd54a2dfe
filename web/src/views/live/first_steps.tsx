import type { ApiError } from '../../net/api';
import { Command, Empty, Problem } from '../../ui/parts';

/** What stands here before the first point came: how to send one. */
export function FirstSteps(props: { error: ApiError | undefined; asked: boolean; udpPort: number }) {
  const point = '{"track":"spa","chassis":"car 1","lap":1,"lapdist_m":120,"speed_kmh":181.5}';
  return (
    <div class="view">
      <Problem error={props.error} />
      {props.asked && (
        <Empty title="Nothing has come yet" testId="first-steps">
          <p>A point by HTTP:</p>
          <Command text={`curl ${location.origin}/api/ingest -d '${point}'`} />
          <p>The same by UDP:</p>
          <Command text={`echo '${point}' | nc -u -w1 ${location.hostname} ${props.udpPort}`} />
          <p>A racing game: turn its UDP telemetry on, with this machine's address and the port {props.udpPort}. F1, Forza, Gran Turismo 7 and
            Assetto Corsa Competizione are known without more.</p>
        </Empty>
      )}
    </div>
  );
}
