// The organization's numbers: whether they are connected, what they could not send, and for those who manage, through what.
import { signal } from '@preact/signals';
import type { Api, Connection, SessionSend } from '../api';
import { showFailure } from './notices';
import type { Rights } from './rights';

const PAUSE_MS = 60_000;

export class Numbers {
  /** By session id; undefined while the user may not see them. */
  readonly connections = signal<ReadonlyMap<string, Connection> | undefined>(undefined);
  /** Sends that wait or failed, by session id. */
  readonly troubles = signal<ReadonlyMap<string, readonly SessionSend[]>>(new Map());
  readonly isOpen = signal(false);

  constructor(
    private readonly api: Api,
    private readonly rights: Rights,
  ) {}

  /** Follows the state of the numbers, which no watch reports. */
  start(): void {
    setInterval(() => document.visibilityState === 'visible' && this.refresh(), PAUSE_MS);
  }

  /** Loads the state of the numbers. A failure keeps what is known: nobody asked for it. */
  refresh(): void {
    void this.api.loadSessions().catch(() => undefined);
  }

  async open(): Promise<void> {
    this.isOpen.value = true;
    try {
      const [connections] = await Promise.all([this.connected(), this.api.loadSessions()]);
      this.connections.value = connections;
      const sends = this.api.sessions.value.map(async ({ id }) => [id, await this.api.troubles(id)] as const);
      this.troubles.value = new Map(await Promise.all(sends));
    } catch (error) {
      showFailure(error);
    }
  }

  private async connected(): Promise<ReadonlyMap<string, Connection> | undefined> {
    if (!this.rights.mayManage) {
      return undefined;
    }
    return new Map((await this.api.connections()).map((connection) => [connection.sessionId, connection]));
  }
}
