// The organization's numbers: whether they are connected, and for those who manage, through what, and what they could not send.
import { signal } from '@preact/signals';
import type { Api, Connection, Session, SessionSend } from '../api';
import { showFailure } from './notices';

const PAUSE_MS = 60_000;

export class Numbers {
  /** By session id; undefined while the user may not see them. */
  readonly connections = signal<ReadonlyMap<string, Connection> | undefined>(undefined);
  /** Sends that wait or failed, by session id. */
  readonly troubles = signal<ReadonlyMap<string, readonly SessionSend[]>>(new Map());
  readonly isOpen = signal(false);

  constructor(private readonly api: Api) {}

  /** Follows the state of the numbers, which no watch reports. */
  start(): void {
    void this.refresh();
    setInterval(() => document.visibilityState === 'visible' && void this.refresh(), PAUSE_MS);
  }

  async open(): Promise<void> {
    this.isOpen.value = true;
    try {
      await this.refresh();
      const sends = this.api.sessions.value.map(async ({ id }) => [id, await this.api.troubles(id)] as const);
      this.troubles.value = new Map(await Promise.all(sends));
    } catch (error) {
      showFailure(error);
    }
  }

  /** Whether nothing connects the number to WhatsApp, as far as the user may see. */
  isUnconnected(session: Session | undefined): boolean {
    return session !== undefined && this.connections.value?.has(session.id) === false;
  }

  private async refresh(): Promise<void> {
    const [, connections] = await Promise.allSettled([this.api.loadSessions(), this.api.connections()]);
    if (connections.status === 'fulfilled') {
      this.connections.value = new Map(connections.value.map((connection) => [connection.sessionId, connection]));
    }
  }
}
