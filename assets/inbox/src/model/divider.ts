// Where the new messages of the open chat begin.
import { signal } from '@preact/signals';
import type { Api, Chat, ChatMessage } from '../api';
import { unread } from '../texts';
import { findNew, firstNew } from './message-pages';

export class Divider {
  /** The first message that was unread when the chat was opened, or that came in out of view later, once it was loaded. */
  readonly from = signal('');
  /** The same, whether it was loaded or not: no other one takes its place before the chat was read. */
  private found = '';
  private isRead = false;

  constructor(private readonly loaded: ReadonlyMap<string, ChatMessage>) {}

  /** Sets the first new message, unless there is one already. */
  put(found: string): void {
    if (found !== '' && (this.found === '' || this.isRead)) {
      this.clear();
      this.found = found;
    }
    this.show();
  }

  /** The chat has changed: once it was read, what comes in out of view later is new. */
  changed(chat: Chat): void {
    this.isRead ||= unread(chat) === 0;
  }

  /** Takes note of what was loaded. */
  show(): void {
    if (this.loaded.has(this.found)) {
      this.from.value = this.found;
    }
  }

  /** Finds the first new message, unless there is one already: among the newest ones, or else in the service. */
  async find(api: Api, chat: Chat, newest: readonly ChatMessage[], isCurrent: () => boolean): Promise<void> {
    const count = unread(chat);
    if (count === 0 || (this.found !== '' && !this.isRead)) {
      return;
    }
    const found = firstNew([...newest].reverse(), count)?.id ?? '';
    this.put(found);
    const other = found === '' ? await findNew(api, chat) : '';
    if (isCurrent()) {
      this.put(other);
    }
  }

  clear(): void {
    this.from.value = '';
    this.found = '';
    this.isRead = false;
  }
}
