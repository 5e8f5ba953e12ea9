// Actions on a chat. Each calls the service and then reloads the chat.
import type { Api, Chat } from '../api';
import { nameOf, unread } from '../texts';
import { notify, showFailure } from './notices';

const MUTE_MS = 8 * 60 * 60 * 1000;
/** Chats that are changed at the same time, well below the requests a second that a key has. */
const AT_ONCE = 10;

export class Actions {
  constructor(
    private readonly api: Api,
    private readonly changed: (chatId: string) => void,
  ) {}

  async toggleArchived(chat: Chat): Promise<void> {
    const archived = !chat.isArchived;
    const change = (to: boolean) => this.run(chat, 'Not archived', this.api.archive(chat, to));
    if (await change(archived)) {
      notify(archived ? `Archived ${nameOf(chat)}` : `Back in the inbox: ${nameOf(chat)}`, () => void change(!archived));
    }
  }

  async toggleClosed(chat: Chat): Promise<void> {
    const isClosed = chat.closedAt === undefined;
    const change = (to: boolean) => this.run(chat, to ? 'Not closed' : 'Not reopened', this.api.close(chat, to));
    if (await change(isClosed)) {
      notify(`${isClosed ? 'Closed' : 'Reopened'}: ${nameOf(chat)}`, () => void change(!isClosed));
    }
  }

  async togglePinned(chat: Chat): Promise<void> {
    await this.run(chat, 'Not pinned', this.api.pin(chat, !chat.isPinned));
  }

  async toggleMuted(chat: Chat): Promise<void> {
    const until = new Date(Date.now() + MUTE_MS);
    await this.run(chat, 'Not muted', chat.isMuted ? this.api.unmute(chat) : this.api.mute(chat, until));
  }

  async toggleRead(chat: Chat): Promise<void> {
    await this.run(chat, 'Not marked', unread(chat) > 0 ? this.api.markRead(chat) : this.api.markUnread(chat));
  }

  /** Marks an opened chat as read and returns whether that is allowed; silent, because nobody asked for it. */
  async opened(chat: Chat): Promise<boolean> {
    try {
      await this.api.markRead(chat);
      this.changed(chat.chatId);
      return true;
    } catch {
      return false;
    }
  }

  async assign(chat: Chat, email: string): Promise<void> {
    await this.run(chat, 'Not assigned', this.api.assign(chat, email));
  }

  async addLabel(chat: Chat, label: string): Promise<void> {
    await this.run(chat, 'Not labelled', this.api.changeLabels(chat, (labels) => [...labels, label]));
  }

  async removeLabel(chat: Chat, label: string): Promise<void> {
    const others = (labels: string[]) => labels.filter((other) => other !== label);
    await this.run(chat, 'Label not removed', this.api.changeLabels(chat, others));
  }

  async setProperty(chat: Chat, id: string, value: string | string[] | null): Promise<void> {
    await this.run(chat, 'Not changed', this.api.setProperty(chat, id, value));
  }

  async setAccess(chat: Chat, email: string, isAllowed: boolean): Promise<void> {
    await this.run(chat, 'Access not changed', this.api.setAccess(chat, email, isAllowed));
  }

  /** Changes several chats, a few at a time, and offers to take it back. */
  async together(chats: readonly Chat[], done: string, call: (chat: Chat) => Promise<void>, undo?: (chat: Chat) => Promise<void>): Promise<void> {
    const changed: Chat[] = [];
    try {
      for (let at = 0; at < chats.length; at += AT_ONCE) {
        const some = chats.slice(at, at + AT_ONCE);
        await Promise.all(some.map(call));
        changed.push(...some);
      }
      const count = chats.length === 1 ? nameOf(chats[0]) : `${chats.length} chats`;
      notify(`${done}: ${count}`, undo && (() => void this.together(chats, 'Taken back', undo)));
    } catch (error) {
      showFailure(error, `Only ${changed.length} of ${chats.length} chats were changed`);
    }
    chats.forEach(({ chatId }) => this.changed(chatId));
  }

  /** Returns whether it was done. */
  private async run(chat: Chat, failure: string, call: Promise<void>): Promise<boolean> {
    try {
      await call;
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
