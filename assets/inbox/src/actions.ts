// Actions on a chat. Each calls the service and then reloads the chat.
import type { Api, Chat } from './api';
import type { ChatActions } from './chat-view';
import { unread } from './texts';

const MUTE_MS = 8 * 60 * 60 * 1000;

export class Actions implements ChatActions {
  constructor(
    private readonly api: Api,
    private readonly changed: (chatId: string) => void,
    readonly failed: (error: unknown) => void,
  ) {}

  toggleArchived(chat: Chat): Promise<void> {
    return this.run(chat, this.api.archive(chat, !chat.isArchived));
  }

  togglePinned(chat: Chat): Promise<void> {
    return this.run(chat, this.api.pin(chat, !chat.isPinned));
  }

  toggleMuted(chat: Chat): Promise<void> {
    const until = new Date(Date.now() + MUTE_MS);
    return this.run(chat, chat.isMuted ? this.api.unmute(chat) : this.api.mute(chat, until));
  }

  toggleRead(chat: Chat): Promise<void> {
    return this.run(chat, unread(chat) > 0 ? this.api.markRead(chat) : this.api.markUnread(chat));
  }

  assign(chat: Chat, email: string): Promise<void> {
    return this.run(chat, this.api.assign(chat, email));
  }

  addLabel(chat: Chat, label: string): Promise<void> {
    return this.run(chat, this.api.changeLabels(chat, (labels) => [...labels, label]));
  }

  removeLabel(chat: Chat, label: string): Promise<void> {
    return this.run(chat, this.api.changeLabels(chat, (labels) => labels.filter((other) => other !== label)));
  }

  private async run(chat: Chat, call: Promise<void>): Promise<void> {
    try {
      await call;
    } catch (error) {
      this.failed(error);
    }
    // Also after a failure: the chat may differ from what is on screen.
    this.changed(chat.chatId);
  }
}
