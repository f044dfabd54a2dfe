import type { Message } from './messages';

export type Connection =
  | { state: 'connecting' }
  | { state: 'live' }
  | { state: 'waiting'; untilMs: number };

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/** A WebSocket that comes back: waits grow from half a second to 15 s, with jitter. */
export class Socket {
  private waitMs = FIRST_WAIT_MS;
  unreadable = 0;

  constructor(
    private readonly url: string,
    private readonly greeting: string,
    private readonly onMessage: (message: Message) => void,
    private readonly onConnection: (connection: Connection) => void,
  ) {
    this.connect();
  }

  private connect(): void {
    this.onConnection({ state: 'connecting' });
    const socket = new WebSocket(this.url);
    socket.onopen = () => {
      this.waitMs = FIRST_WAIT_MS;
      socket.send(this.greeting);
      this.onConnection({ state: 'live' });
    };
    socket.onmessage = (event) => {
      try {
        this.onMessage(JSON.parse(event.data as string) as Message);
      } catch {
        this.unreadable++;
      }
    };
    socket.onclose = () => {
      const wait = this.waitMs * (0.5 + Math.random());
      this.waitMs = Math.min(this.waitMs * 2, LONGEST_WAIT_MS);
      this.onConnection({ state: 'waiting', untilMs: performance.now() + wait });
      setTimeout(() => this.connect(), wait);
    };
  }
}
