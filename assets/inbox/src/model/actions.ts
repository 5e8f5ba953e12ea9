// Actions on a chat. Each calls the service and then reloads the chat.
import type { Api, Chat } from '../api';
import { isolate, nameOf, unread } from '../texts';
import { notify, showFailure } from './notices';
import type { Serial } from './serial';

const MUTE_MS = 8 * 60 * 60 * 1000;

export class Actions {
  constructor(
    private readonly api: Api,
    /** The changes of a chat, in the order in which they were made: some read what the one before has written. */
    private readonly serial: Serial,
    private readonly changed: (chatId: string) => void,
  ) {}

  async toggleArchived(chat: Chat): Promise<void> {
    const archived = !chat.isArchived;
    const change = (to: boolean) => this.run(chat, 'Not archived', () => this.api.archive(chat, to));
    if (await change(archived)) {
      notify(archived ? `Archived ${isolate(nameOf(chat))}` : `Back in the inbox: ${isolate(nameOf(chat))}`, () => void change(!archived));
    }
  }

  async toggleClosed(chat: Chat): Promise<void> {
    const isClosed = chat.closedAt === undefined;
    const change = (to: boolean) => this.run(chat, to ? 'Not closed' : 'Not reopened', () => this.api.close(chat, to));
    if (await change(isClosed)) {
      notify(`${isClosed ? 'Closed' : 'Reopened'}: ${isolate(nameOf(chat))}`, () => void change(!isClosed));
    }
  }

  async togglePinned(chat: Chat): Promise<void> {
    await this.run(chat, 'Not pinned', () => this.api.pin(chat, !chat.isPinned));
  }

  async toggleMuted(chat: Chat): Promise<void> {
    const until = new Date(Date.now() + MUTE_MS);
    await this.run(chat, 'Not muted', () => (chat.isMuted ? this.api.unmute(chat) : this.api.mute(chat, until)));
  }

  async toggleRead(chat: Chat): Promise<void> {
    await this.run(chat, 'Not marked', () => (unread(chat) > 0 ? this.api.markRead(chat) : this.api.markUnread(chat)));
  }

  /** Marks an opened chat as read and returns whether that is allowed; silent, because nobody asked for it. */
  async opened(chat: Chat): Promise<boolean> {
    try {
      await this.serial.run(chat.chatId, () => this.api.markRead(chat));
      this.changed(chat.chatId);
      return true;
    } catch {
      return false;
    }
  }

  async assign(chat: Chat, email: string): Promise<void> {
    await this.run(chat, 'Not assigned', () => this.api.assign(chat, email));
  }

  async addLabel(chat: Chat, label: string): Promise<void> {
    await this.run(chat, 'Not labelled', () => this.api.changeLabels(chat, (labels) => (labels.includes(label) ? labels : [...labels, label])));
  }

  async removeLabel(chat: Chat, label: string): Promise<void> {
    const others = (labels: string[]) => labels.filter((other) => other !== label);
    await this.run(chat, 'Label not removed', () => this.api.changeLabels(chat, others));
  }

  /** Returns whether it was changed. */
  async setProperty(chat: Chat, id: string, value: string | string[] | null): Promise<boolean> {
    return this.run(chat, 'Not changed', () => this.api.setProperty(chat, id, value));
  }

  async setAccess(chat: Chat, email: string, isAllowed: boolean): Promise<void> {
    await this.run(chat, 'Access not changed', () => this.api.setAccess(chat, email, isAllowed));
  }

  /** Returns whether it was done. */
  private async run(chat: Chat, failure: string, call: () => Promise<void>): Promise<boolean> {
    try {
      await this.serial.run(chat.chatId, call);
      return true;
    } catch (error) {
      showFailure(error, failure);
      return false;
    } finally {
      // Also after a failure: the chat may differ from what is on screen.
      this.changed(chat.chatId);
    }
  }
}
