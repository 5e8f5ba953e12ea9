// The open chat and a window of its messages, which grows at both ends.
import { batch, signal } from '@preact/signals';
import type { Api, Chat, ChatMessage } from '../api';
import { isNotice } from '../notice-texts';
import { digits } from '../phones';
import { sentAt, unread } from '../texts';
import { load } from './busy';

const PAGE = 50;
/** Messages of neighbouring pages that are loaded again, so that a gap is noticed. */
const OVERLAP = 5;
/** Page in which a message is looked for, and how many of them. */
const SCAN = 500;
const MOST_SCANS = 40;

export class Conversation {
  readonly chat = signal<Chat | undefined>(undefined);
  /** Whether the address names a chat that does not exist. */
  readonly isMissing = signal(false);
  /** Oldest first. */
  readonly messages = signal<readonly ChatMessage[]>([]);
  readonly hasOlder = signal(false);
  readonly hasNewer = signal(false);
  readonly isLoading = signal(false);
  /** The first message that was unread when the chat was opened. */
  readonly newFrom = signal('');
  /** The message that the address leads to. */
  readonly target = signal('');
  /** The message that the next one replies to. */
  readonly replyTo = signal<ChatMessage | undefined>(undefined);
  /** The message whose text is being changed. */
  readonly editing = signal<ChatMessage | undefined>(undefined);
  private known = new Map<string, ChatMessage>();
  /** Number of messages newer than the window. */
  private start = 0;
  private opening = 0;

  constructor(private readonly api: Api) {}

  /** Opens a chat at a message, or else at its newest. `listed` is shown until the chat itself is loaded. */
  async open(chatId: string, number: string, message: string, listed?: Chat): Promise<void> {
    const opening = ++this.opening;
    const isSame = this.chat.value?.chatId === chatId;
    batch(() => {
      this.clear();
      this.isLoading.value = true;
      this.newFrom.value = '';
      this.target.value = '';
      this.isMissing.value = false;
      if (!isSame) {
        this.replyTo.value = undefined;
        this.editing.value = undefined;
        this.chat.value = listed;
      }
    });
    try {
      const chat = await this.api.findChat(chatId, number);
      if (opening !== this.opening) {
        return;
      }
      if (!chat) {
        this.isMissing.value = true;
        this.chat.value = undefined;
        return;
      }
      const [start, page] = await this.firstPage(chat, message);
      if (opening === this.opening) {
        batch(() => {
          this.chat.value = chat;
          this.start = start;
          this.take(page);
          this.hasOlder.value = page.length >= PAGE;
          this.target.value = page.find((found) => isSameMessage(found, message))?.messageId ?? '';
          // Opening it may have marked it as read already.
          this.newFrom.value = firstNew(this.messages.value, Math.max(unread(chat), listed ? unread(listed) : 0));
        });
      }
    } finally {
      if (opening === this.opening) {
        this.isLoading.value = false;
      }
    }
  }

  close(): void {
    this.opening += 1;
    batch(() => {
      this.chat.value = undefined;
      this.replyTo.value = undefined;
      this.editing.value = undefined;
      this.isMissing.value = false;
      this.clear();
    });
  }

  /** Updates the chat, and loads its newest messages if the window reaches them. */
  async refresh(chat: Chat): Promise<void> {
    const opening = this.opening;
    if (this.isLoading.value) {
      return;
    }
    if (this.chat.value && this.chat.value.chatId !== chat.chatId) {
      // The chat was joined with another one, or its phone number became known: reload everything.
      return this.open(chat.chatId, digits(chat.orgPhone), '', chat);
    }
    this.chat.value = chat;
    if (this.start > 0) {
      this.hasNewer.value = true;
      return;
    }
    const page = await this.api.listMessages(chat, 0, PAGE);
    if (opening === this.opening) {
      const isJoined = page.length < PAGE || page.some(({ messageId }) => this.known.has(messageId));
      batch(() => {
        if (!isJoined) {
          // There is a gap to the loaded messages: restart.
          this.clear();
          this.hasOlder.value = true;
        }
        this.forgetProvisional(page);
        this.take(page);
      });
    }
  }

  /** Updates a loaded message, or adds a new one at the end. */
  put(message: ChatMessage): void {
    const last = this.messages.peek().at(-1);
    const isNewest = this.start === 0 && !this.isLoading.peek() && last !== undefined && sentAt(message) >= sentAt(last);
    if (message.orgPhone === this.chat.peek()?.orgPhone && (this.known.has(message.messageId) || isNewest)) {
      this.take([message]);
    }
  }

  /** Loads the page before the oldest message. */
  older(): Promise<void> {
    return this.extend(async (chat) => {
      const page = await this.api.listMessages(chat, this.start + this.known.size - OVERLAP, PAGE);
      return () => {
        this.take(page);
        this.hasOlder.value = page.length === PAGE;
      };
    });
  }

  /** Loads the page after the newest message of the window. */
  newer(): Promise<void> {
    return this.extend(async (chat) => {
      let start = Math.max(0, this.start - PAGE + OVERLAP);
      let page = await this.api.listMessages(chat, start, PAGE);
      // Messages arrived meanwhile, so that those of the window are further down.
      while (page.length === PAGE && !page.some(({ messageId }) => this.known.has(messageId))) {
        start += PAGE - OVERLAP;
        page = await this.api.listMessages(chat, start, PAGE);
      }
      return () => {
        this.start = start;
        this.take(page);
      };
    });
  }

  private async extend(read: (chat: Chat) => Promise<() => void>): Promise<void> {
    const [opening, chat] = [this.opening, this.chat.value];
    if (!chat || this.isLoading.value) {
      return;
    }
    const extend = async () => {
      const show = await read(chat);
      if (opening === this.opening) {
        batch(show);
      }
    };
    await load(this.isLoading, extend, () => opening === this.opening);
  }

  /** The page around a message, or else the newest. */
  private async firstPage(chat: Chat, message: string): Promise<[start: number, page: ChatMessage[]]> {
    for (let scan = 0; message !== '' && scan < MOST_SCANS; scan += 1) {
      const page = await this.api.listMessages(chat, scan * SCAN, SCAN);
      const at = page.findIndex((found) => isSameMessage(found, message));
      if (at >= 0) {
        const start = Math.max(0, scan * SCAN + at - PAGE / 2);
        return [start, await this.api.listMessages(chat, start, PAGE)];
      }
      if (page.length === 0) {
        break;
      }
    }
    return [0, await this.api.listMessages(chat, 0, PAGE)];
  }

  /** A message that was sent may have been stored under a provisional id first. */
  private forgetProvisional(page: ChatMessage[]): void {
    const oldest = page.length > 0 ? sentAt(page[page.length - 1]) : Infinity;
    const now = new Set(page.map(({ messageId }) => messageId));
    for (const [messageId, message] of this.known) {
      if (sentAt(message) > oldest && !now.has(messageId)) {
        this.known.delete(messageId);
      }
    }
  }

  private take(page: ChatMessage[]): void {
    for (const message of page) {
      this.known.set(message.messageId, message);
      this.replace(message);
    }
    this.messages.value = [...this.known.values()].sort(
      (a, b) => sentAt(a) - sentAt(b) || (a.uniqueId < b.uniqueId ? -1 : 1),
    );
    this.hasNewer.value = this.start > 0;
  }

  /** Removes the message under the id that it had before the gateway gave it another one. */
  private replace({ messageId, uniqueId, sentMessageId }: ChatMessage): void {
    if (sentMessageId && sentMessageId !== uniqueId) {
      this.known.delete(messageId.replace(uniqueId, sentMessageId));
    }
  }

  private clear(): void {
    this.known.clear();
    this.start = 0;
    this.messages.value = [];
    this.hasOlder.value = false;
    this.hasNewer.value = false;
  }
}

function isSameMessage(message: ChatMessage, id: string): boolean {
  return id !== '' && (message.messageId === id || message.uniqueId === id);
}

/** The first of the last `count` incoming messages; empty when it is not among these. Notices do not count as unread. */
function firstNew(messages: readonly ChatMessage[], count: number): string {
  const incoming = messages.filter((message) => !message.fromMe && !isNotice(message));
  return count > 0 ? (incoming[incoming.length - count]?.messageId ?? '') : '';
}
