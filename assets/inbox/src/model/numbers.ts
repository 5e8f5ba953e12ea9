// The organization's numbers: whether they are connected, and for those who manage, through what, what waits to be sent through them,
// and what failed.
import { signal } from '@preact/signals';
import type { Api, Connection, SessionSend } from '../api';
import { notify, showFailure } from './notices';
import type { Rights } from './rights';

const PAUSE_MS = 15_000;

/** The newest sends of a session that wait, and that failed or whose outcome is unknown. */
export interface Queue {
  readonly waiting: readonly SessionSend[];
  readonly failed: readonly SessionSend[];
  /** Whether more wait than these. */
  readonly hasMore: boolean;
}

export class Numbers {
  /** By session id; undefined while the user may not see them. */
  readonly connections = signal<ReadonlyMap<string, Connection> | undefined>(undefined);
  /** By session id; only what was loaded. */
  readonly queues = signal<ReadonlyMap<string, Queue>>(new Map());
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
    this.queues.value = new Map();
    this.isOpen.value = true;
    try {
      const [connections] = await Promise.all([this.connected(), this.api.loadSessions()]);
      this.connections.value = connections;
    } catch (error) {
      showFailure(error);
    }
  }

  /** Loads what waits and what failed of a session. */
  async loadQueue(sessionId: string): Promise<void> {
    const states = [['queued', 'sending'], ['failed', 'unknown']];
    const [waiting, failed] = await Promise.all(states.map((some) => this.api.sends(sessionId, some)));
    this.queues.value = new Map(this.queues.value).set(sessionId, { waiting: waiting.sends, failed: failed.sends.sort(byChange), hasMore: waiting.hasMore });
  }

  /** Cancels a send that still waits. */
  async cancel(sessionId: string, { queueId }: SessionSend): Promise<void> {
    try {
      await this.api.sending.cancel(queueId);
      notify('Cancelled');
    } catch (error) {
      showFailure(error, 'Not cancelled');
    }
    await this.loadQueue(sessionId).catch(showFailure);
  }

  private async connected(): Promise<ReadonlyMap<string, Connection> | undefined> {
    if (!this.rights.mayManage) {
      return undefined;
    }
    return new Map((await this.api.connections()).map((connection) => [connection.sessionId, connection]));
  }
}

/** The newest change first. */
function byChange(a: SessionSend, b: SessionSend): number {
  return Number(b.updatedAt - a.updatedAt);
}
