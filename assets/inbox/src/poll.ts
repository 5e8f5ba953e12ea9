// Notices what others changed by asking for the newest chats at intervals, as long as somebody looks at the page.
import { equals } from '@bufbuild/protobuf';
import { ChatSchema } from '../generated/switchboard/v1/chat_pb';
import type { Api, Chat } from './api';
import { EVERYTHING, wanted } from './filter';

const INTERVAL_MS = 5000;
const NEWEST = 100;

export class Poll {
  private phone = '';
  /** What the last answer said; nothing before the first one. */
  private last?: Map<string, Chat>;

  constructor(
    private readonly api: Api,
    private readonly changed: (chatId: string) => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Asks now and at intervals. `look` says which number is looked at, and which chat is open: it may be an old one. */
  start(look: () => { phone: string; open?: string }): void {
    const ask = async () => {
      if (!document.hidden) {
        const { phone, open } = look();
        await this.ask(phone, open).catch(this.failed);
      }
      setTimeout(ask, INTERVAL_MS);
    };
    void ask();
  }

  private async ask(phone: string, open?: string): Promise<void> {
    const chats = await this.api.listChats({ ...wanted(EVERYTHING), phone }, 0, NEWEST);
    // Another number sees the same chats in its own way, which is no change.
    const before = phone === this.phone ? this.last : undefined;
    this.phone = phone;
    this.last = new Map(chats.map((chat) => [chat.chatId, chat]));
    if (before) {
      chats.filter((chat) => !isSame(before.get(chat.chatId), chat)).forEach(({ chatId }) => this.changed(chatId));
    }
    if (open !== undefined) {
      this.changed(open);
    }
  }
}

/** Whether nothing of a chat is different. */
export function isSame(before: Chat | undefined, now: Chat): boolean {
  return before !== undefined && equals(ChatSchema, before, now);
}
