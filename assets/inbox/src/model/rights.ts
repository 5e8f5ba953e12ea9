// Who is signed in, and what the service lets them do.
import { signal } from '@preact/signals';
import type { Api, Caller } from '../api';
import { notify } from './notices';

/** Why chats cannot be changed. */
export const READS_ONLY = 'Your sign-in may read chats, but neither change nor send anything.';

export class Rights {
  private readonly caller;

  constructor(
    private readonly api: Api,
    caller: Caller,
  ) {
    this.caller = signal(caller);
  }

  /** Whether the user may change chats and send messages. */
  get maySend(): boolean {
    return this.caller.value.capabilities.includes('send');
  }

  /** Whether the user may manage the organization. */
  get mayManage(): boolean {
    return this.caller.value.capabilities.includes('manage');
  }

  /** The user as the author of notes. */
  get author(): string {
    const { keyId, email, subject } = this.caller.value;
    return keyId !== undefined ? `key:${keyId}` : (email ?? `member:${subject}`);
  }

  /** Whether the user is this actor of a change. */
  isOwn(performedBy: string): boolean {
    const { keyId, subject } = this.caller.value;
    return performedBy === (keyId !== undefined ? `key:${keyId}` : `member:${subject}`);
  }

  /** Returns whether the user may change chats, and says why not. */
  require(): boolean {
    if (!this.maySend) {
      notify(READS_ONLY);
    }
    return this.maySend;
  }

  /** Asks again, because the role of a member can change. A failure keeps what is known. */
  refresh(): void {
    const load = async () => {
      this.caller.value = await this.api.caller();
    };
    void load().catch(() => undefined);
  }
}
