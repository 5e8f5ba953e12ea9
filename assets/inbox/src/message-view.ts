// The messages of the open chat, oldest on top.
import type { Api, Chat, ChatMessage } from './api';
import { make, part, sign } from './page';
import { delivery, isoTime, longTime, senderOf, shortTime, textOf } from './words';

const PAGE = 50;
/** So near to the end counts as being there. */
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

  /** Reads the newest messages again. Who looks at the end goes on looking at the end. */
  async refresh(chat: Chat): Promise<void> {
    if (this.chat && this.chat.chatId !== chat.chatId) {
      // It became one with another chat, or its number became known: all of it is read anew.
      return this.open(chat);
    }
    const { scrollTop, scrollHeight, clientHeight } = this.area;
    const wasAtEnd = scrollHeight - scrollTop - clientHeight < END_PIXELS;
    const page = await this.api.listMessages(chat, 0, PAGE);
    const isJoined = page.length < PAGE || page.some(({ messageId }) => this.messages.has(messageId));
    if (!isJoined && this.chat?.chatId === chat.chatId) {
      // So much was written that there is a gap: begin anew.
      this.messages.clear();
    }
    this.take(chat, page, !isJoined);
    if (wasAtEnd) {
      this.area.scrollTop = this.area.scrollHeight;
    }
  }

  /** Reads the page before the oldest message that is shown, which stays where it is on the screen. */
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

  /** Shows a page too, unless another chat was opened meanwhile. The oldest page says whether there are older ones. */
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
