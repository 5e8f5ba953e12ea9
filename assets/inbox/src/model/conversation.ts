// The open chat and a window of its messages: it grows at the end that is read, and ends of it that are far away are dropped.
import { batch, computed, signal } from '@preact/signals';
import type { Api, Chat, ChatMessage } from '../api';
import { digits } from '../phones';
import { sentAt } from '../texts';
import { load } from './busy';
import { Divider } from './divider';
import { excess, firstPage, isSameMessage, OVERLAP, PAGE } from './message-pages';

export class Conversation {
  readonly chat = signal<Chat | undefined>(undefined);
  /** Whether the address names a chat that does not exist. */
  readonly isMissing = signal(false);
  /** Oldest first. */
  readonly messages = signal<readonly ChatMessage[]>([]);
  readonly hasOlder = signal(false);
  readonly hasNewer = signal(false);
  readonly isLoading = signal(false);
  /** Whether the first page is being loaded. */
  readonly isOpening = signal(false);
  /** Whether the first page could not be loaded. */
  readonly isFailed = signal(false);
  /** Whether the window has the newest messages. */
  readonly hasNewest = computed(() => this.chat.value !== undefined && !this.isOpening.value && !this.isFailed.value && !this.hasNewer.value);
  /** Whether the last message is in view, in a visible window: the view reports it. */
  readonly isEndInView = signal(false);
  /** Whether the view is nearer to the first message of the window than to the last: the view reports it. */
  isNearStart = false;
  /** Whether the newest message is in view, so that the chat can be marked as read; also of a chat without messages. */
  readonly isSeen = computed(() => this.hasNewest.value && (this.messages.value.length === 0 || this.isEndInView.value));
  /** The message that the address leads to. */
  readonly target = signal('');
  private readonly known = new Map<string, ChatMessage>();
  readonly divider = new Divider(this.known);
  readonly newFrom = this.divider.from;
  /** Number of messages newer than the window. */
  private start = 0;
  /** Identity of the window: what was asked for an earlier one is ignored. */
  private window = 0;
  /** The chat of a refresh that loaded no messages, because the window did not reach the newest ones or was not there yet. */
  private behind: Chat | undefined;
  /** The message that the chat was to be opened at. */
  private sought = '';

  constructor(private readonly api: Api) {}

  /** Opens a chat at a message, or else at its first new one unless `isNewest`, or else at its newest. `listed` is shown until it is loaded. */
  async open(chatId: string, number: string, message = '', listed?: Chat, isNewest = false): Promise<void> {
    this.sought = message;
    const { value: before } = this.chat;
    const isSame = before?.chatId === chatId && digits(before.orgPhone) === number;
    batch(() => {
      this.clear();
      this.isLoading.value = true;
      this.isOpening.value = true;
      this.isFailed.value = false;
      this.target.value = '';
      this.isMissing.value = false;
      if (!isSame) {
        this.chat.value = listed;
        this.divider.clear();
      }
    });
    const { window } = this;
    try {
      await this.loadFirst(chatId, number, message, isNewest);
    } catch (error) {
      this.isFailed.value ||= window === this.window;
      throw error;
    } finally {
      if (window === this.window) {
        batch(() => {
          this.isLoading.value = false;
          this.isOpening.value = false;
        });
      }
    }
    await this.catchUp();
  }

  close(): void {
    batch(() => {
      this.chat.value = undefined;
      this.divider.clear();
      this.isMissing.value = false;
      this.isFailed.value = false;
      this.isOpening.value = false;
      this.isLoading.value = false;
      this.clear();
    });
  }

  /** Updates the chat, and loads its newest messages if the window reaches them. */
  async refresh(chat: Chat): Promise<void> {
    const { window } = this;
    if (this.isOpening.value) {
      this.behind = chat;
      return;
    }
    if (this.chat.value && this.chat.value.chatId !== chat.chatId) {
      // The chat was joined with another one, or its phone number became known: reload everything.
      return this.open(chat.chatId, digits(chat.orgPhone), '', chat);
    }
    if (this.isFailed.value) {
      return this.open(chat.chatId, digits(chat.orgPhone), this.sought, chat);
    }
    this.chat.value = chat;
    this.divider.changed(chat);
    if (this.start > 0) {
      this.behind = chat;
      this.hasNewer.value = true;
      return;
    }
    const page = await this.api.listMessages(chat, 0, PAGE);
    if (window === this.window) {
      batch(() => {
        this.takeNewest(page);
        if (!this.isEndInView.value) {
          this.markNew(chat);
        }
      });
    }
  }

  /** Updates a loaded message, or adds a new one at the end. */
  put(message: ChatMessage): void {
    const last = this.messages.peek().at(-1);
    const isNewest = this.start === 0 && last !== undefined && sentAt(message) >= sentAt(last);
    if (message.orgPhone === this.chat.peek()?.orgPhone && (this.known.has(message.messageId) || isNewest)) {
      this.take([message]);
    }
  }

  /** Loads the page before the oldest message. */
  older(): Promise<void> {
    return this.extend(async (chat) => {
      const [oldest] = this.messages.peek();
      let offset = Math.max(0, this.start + this.known.size - OVERLAP);
      let page = await this.api.listMessages(chat, offset, PAGE);
      // Messages arrived meanwhile, so that those of the window are further down.
      while (page.length > 0 && page.every(({ messageId }) => this.known.has(messageId))) {
        offset += page.length;
        page = await this.api.listMessages(chat, offset, PAGE);
      }
      return () => {
        // Otherwise the page does not follow the window any more, and is loaded again.
        if (this.known.has(oldest?.messageId)) {
          // A page may end early by its size: only an empty one is after the last message.
          this.hasOlder.value = page.length > 0;
          this.take(page);
        }
      };
    });
  }

  /** Loads the page after the newest message of the window. */
  async newer(): Promise<void> {
    await this.extend(async (chat) => {
      let start = Math.max(0, this.start - PAGE + OVERLAP);
      let page = await this.api.listMessages(chat, start, PAGE);
      // Messages arrived meanwhile, so that those of the window are further down; or the page ended early by its size.
      while (page.length > 0 && !page.some(({ messageId }) => this.known.has(messageId))) {
        start += Math.max(1, page.length - OVERLAP);
        page = await this.api.listMessages(chat, start, PAGE);
      }
      return () => {
        this.start = start;
        this.take(page);
        this.markNew(chat);
      };
    });
    if (this.start === 0) {
      await this.catchUp();
    }
  }

  private async extend(read: (chat: Chat) => Promise<() => void>): Promise<void> {
    const [window, chat] = [this.window, this.chat.value];
    if (!chat || this.isLoading.value) {
      return;
    }
    const extend = async () => {
      const show = await read(chat);
      if (window === this.window) {
        batch(show);
      }
    };
    await load(this.isLoading, extend, () => window === this.window);
  }

  private async loadFirst(chatId: string, number: string, message: string, isNewest: boolean): Promise<void> {
    const { window } = this;
    const chat = await this.api.findChat(chatId, number);
    if (window !== this.window) {
      return;
    }
    if (!chat) {
      this.isMissing.value = true;
      this.chat.value = undefined;
      return;
    }
    const { start, page, newFrom } = await firstPage(this.api, chat, message, isNewest);
    if (window === this.window) {
      batch(() => {
        this.chat.value = chat;
        this.start = start;
        this.hasOlder.value = page.length > 0;
        this.divider.put(newFrom);
        this.take(page);
        this.target.value = page.find((found) => isSameMessage(found, message))?.messageId ?? '';
      });
    }
  }

  /** Finds the first new message, unless newer ones are still to be loaded. */
  private markNew(chat: Chat): void {
    if (this.start === 0) {
      const { window } = this;
      // A divider that is missing is not worth a notice.
      void this.divider.find(this.api, chat, this.messages.value, () => window === this.window).catch(() => undefined);
    }
  }

  /** Repeats a refresh that loaded no messages. */
  private async catchUp(): Promise<void> {
    const { behind } = this;
    if (behind) {
      this.behind = undefined;
      await this.refresh(behind);
    }
  }

  /** Takes the newest page. */
  private takeNewest(page: ChatMessage[]): void {
    const isJoined = page.length === 0 || page.some(({ messageId }) => this.known.has(messageId));
    if (!isJoined) {
      // There is a gap to the loaded messages: restart.
      this.clear();
      this.isLoading.value = false;
      this.hasOlder.value = true;
    }
    this.dropProvisional(page);
    this.take(page);
  }

  /** A message that was sent may have been stored under a provisional id first. */
  private dropProvisional(page: ChatMessage[]): void {
    const oldest = page.length > 0 ? sentAt(page[page.length - 1]) : Infinity;
    const now = new Set(page.map(({ messageId }) => messageId));
    for (const [messageId, message] of this.known) {
      if (sentAt(message) > oldest && !now.has(messageId)) {
        this.known.delete(messageId);
      }
    }
  }

  /** Adds messages. Those that are too many are dropped at the end that is far from the view, and loaded again on the way there. */
  private take(page: ChatMessage[]): void {
    for (const message of page) {
      this.known.set(message.messageId, message);
      this.replace(message);
    }
    const sorted = [...this.known.values()].sort(
      (a, b) => sentAt(a) - sentAt(b) || (a.uniqueId < b.uniqueId ? -1 : 1),
    );
    const dropped = excess(sorted, !this.isNearStart);
    dropped.forEach(({ messageId }) => this.known.delete(messageId));
    if (this.isNearStart) {
      this.start += dropped.length;
    } else {
      this.hasOlder.value ||= dropped.length > 0;
    }
    this.messages.value = dropped.length > 0 ? sorted.filter(({ messageId }) => this.known.has(messageId)) : sorted;
    this.hasNewer.value = this.start > 0;
    this.divider.show();
  }

  /** Removes the message under the id that it had before the gateway gave it another one. */
  private replace({ messageId, uniqueId, sentMessageId }: ChatMessage): void {
    if (sentMessageId && sentMessageId !== uniqueId) {
      this.known.delete(messageId.replace(uniqueId, sentMessageId));
    }
  }

  private clear(): void {
    this.window += 1;
    this.behind = undefined;
    this.known.clear();
    this.start = 0;
    // Until the view shows the next messages.
    this.isEndInView.value = false;
    this.isNearStart = false;
    this.messages.value = [];
    this.hasOlder.value = false;
    this.hasNewer.value = false;
  }
}
