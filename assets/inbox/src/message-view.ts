// The messages of the open chat, oldest first.
import type { Api, Chat, ChatMessage } from './api';
import { make, part, sign } from './page';
import { delivery, isoTime, longTime, senderOf, shortTime, textOf } from './texts';

const PAGE = 50;
/** Distance from the end, in pixels, that counts as the end. */
const END_PIXELS = 40;

export class MessageView {
  private readonly area = part('messages');
  private chat?: Chat;
  private messages = new Map<string, ChatMessage>();

  constructor(private readonly api: Api) {}

  /** Shows the newest messages of a chat. */
  async open(chat: Chat): Promise<void> {
    this.chat = chat;
    this.messages.clear();
    this.show();
    part('older').hidden = true;
    this.take(chat, await this.api.listMessages(chat, 0, PAGE), true);
    this.area.scrollTop = this.area.scrollHeight;
  }

  /** Reloads the newest messages. A view at the end stays at the end. */
  async refresh(chat: Chat): Promise<void> {
    if (this.chat && this.chat.chatId !== chat.chatId) {
      // The chat was joined with another one, or its phone number became known: reload everything.
      return this.open(chat);
    }
    const { scrollTop, scrollHeight, clientHeight } = this.area;
    const wasAtEnd = scrollHeight - scrollTop - clientHeight < END_PIXELS;
    const page = await this.api.listMessages(chat, 0, PAGE);
    const isJoined = page.length < PAGE || page.some(({ messageId }) => this.messages.has(messageId));
    if (!isJoined && this.chat?.chatId === chat.chatId) {
      // There is a gap to the loaded messages: restart.
      this.messages.clear();
    }
    this.take(chat, page, !isJoined);
    if (wasAtEnd) {
      this.area.scrollTop = this.area.scrollHeight;
    }
  }

  /** Loads the page before the oldest message and keeps the scroll position. */
  async older(): Promise<void> {
    const { chat } = this;
    if (chat) {
      const page = await this.api.listMessages(chat, this.messages.size, PAGE);
      const below = this.area.scrollHeight - this.area.scrollTop;
      this.take(chat, page, true);
      this.area.scrollTop = this.area.scrollHeight - below;
    }
  }

  close(): void {
    this.chat = undefined;
    this.messages.clear();
  }

  /** Adds a page unless another chat was opened meanwhile. */
  private take(chat: Chat, page: ChatMessage[], isOldest: boolean): void {
    if (this.chat?.chatId !== chat.chatId) {
      return;
    }
    this.chat = chat;
    page.forEach((message) => this.messages.set(message.messageId, message));
    if (isOldest) {
      part('older').hidden = page.length < PAGE;
    }
    this.show();
  }

  private show(): void {
    const { chat } = this;
    const messages = [...this.messages.values()].sort(
      (a, b) => sentAt(a) - sentAt(b) || (a.uniqueId < b.uniqueId ? -1 : 1),
    );
    part('message-list').replaceChildren(...(chat ? messages.map((message) => row(chat, message)) : []));
  }
}

function sentAt(message: ChatMessage): number {
  return Number(message.timestamp?.seconds ?? 0n) * 1000 + (message.timestamp?.nanos ?? 0) / 1e6;
}

function row(chat: Chat, message: ChatMessage): HTMLElement {
  const item = make('li', { class: message.fromMe ? 'ours' : 'theirs' });
  const foot = make('div', { class: 'foot' });
  if (message.timestamp) {
    const attributes = { datetime: isoTime(message.timestamp), title: longTime(message.timestamp) };
    foot.append(make('time', attributes, shortTime(message.timestamp)));
  }
  if (message.fromMe) {
    foot.append(sign(...delivery(message)));
  }
  item.append(
    make('div', { class: 'sender' }, senderOf(chat, message)),
    make('p', {}, textOf(message)),
    foot,
  );
  return item;
}
