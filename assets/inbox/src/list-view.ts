// The chat list: an ARIA listbox with one tab stop, arrow keys select a row.
import type { Chat } from './api';
import type { Inbox } from './inbox';
import { make, part } from './page';
import { colorOf, initials, isoTime, nameOf, preview, shortTime, unread } from './texts';

export class ListView {
  private readonly list = part<HTMLUListElement>('list');
  private chats: Chat[] = [];
  private active = 0;

  constructor(
    private readonly inbox: Inbox,
    private readonly open: (chat: Chat) => void,
    private readonly openId: () => string | undefined,
  ) {
    this.list.addEventListener('keydown', (event) => this.key(event));
    this.list.addEventListener('click', (event) => this.click(event));
  }

  /** The selected row. */
  get chosen(): Chat | undefined {
    return this.chats[this.active];
  }

  get hasFocus(): boolean {
    return document.activeElement === this.list;
  }

  focus(): void {
    this.list.focus();
  }

  /** Selects the row of a chat. */
  choose(chatId: string): void {
    const at = this.chats.findIndex((chat) => chat.chatId === chatId);
    if (at >= 0) {
      this.moveTo(at);
    }
  }

  show(): void {
    const chosen = this.chosen?.chatId;
    this.chats = this.inbox.shown();
    const at = this.chats.findIndex((chat) => chat.chatId === chosen);
    // When the selected chat leaves the list, the one at its position is selected.
    this.active = at >= 0 ? at : Math.max(0, Math.min(this.active, this.chats.length - 1));
    this.list.replaceChildren(...this.chats.map((chat, index) => this.row(chat, index)));
    this.mark();
    this.list.setAttribute('aria-busy', String(this.inbox.isLoading));
    part('list-note').textContent = this.note();
    part('more').hidden = this.inbox.isComplete || this.inbox.isLoading;
  }

  private note(): string {
    if (this.inbox.isLoading) {
      return 'Loading…';
    }
    if (this.chats.length > 0) {
      return '';
    }
    return this.inbox.isComplete ? 'No chats here.' : 'None among the newest chats.';
  }

  private row(chat: Chat, index: number): HTMLElement {
    const name = nameOf(chat);
    const match = this.inbox.match(chat.chatId);
    const message = match ?? chat.latestMessage;
    const row = make('li', { role: 'option', id: `row-${index}`, 'data-chat': chat.chatId });
    const title = make('div', { class: 'title' }, make('strong', {}, name));
    if (chat.isPinned) title.append(make('span', { class: 'state' }, 'pinned'));
    if (chat.isMuted) title.append(make('span', { class: 'state' }, 'muted'));
    if (chat.isArchived) title.append(make('span', { class: 'state' }, 'archived'));
    if (message?.timestamp) {
      title.append(make('time', { datetime: isoTime(message.timestamp) }, shortTime(message.timestamp)));
    }
    const line = make('div', { class: 'line' }, make('span', { class: 'preview' }, preview(message)));
    const count = unread(chat);
    if (count > 0) {
      line.append(make('span', { class: 'badge' }, String(count), make('span', { class: 'hidden' }, ' unread')));
    }
    const about = make('div', { class: 'about' });
    about.append(...chat.labels.map((label) => make('span', { class: 'label' }, label)));
    if (chat.assignedTo) about.append(make('span', { class: 'assignee' }, chat.assignedTo));
    const avatar = make('span', { class: `avatar ${colorOf(chat.chatId)}`, 'aria-hidden': 'true' }, initials(name));
    row.append(avatar, make('div', { class: 'text' }, title, line, about));
    return row;
  }

  private key(event: KeyboardEvent): void {
    const to = this.destination(event.key);
    if (to !== undefined) {
      event.preventDefault();
      this.moveTo(to);
    } else if (event.key === 'Enter' && this.chosen) {
      event.preventDefault();
      this.open(this.chosen);
    }
  }

  private destination(key: string): number | undefined {
    switch (key) {
      case 'ArrowDown':
        return this.active + 1;
      case 'ArrowUp':
        return this.active - 1;
      case 'PageDown':
        return this.active + 10;
      case 'PageUp':
        return this.active - 10;
      case 'Home':
        return 0;
      case 'End':
        return this.chats.length - 1;
      default:
        return undefined;
    }
  }

  private click(event: MouseEvent): void {
    const row = (event.target as Element).closest<HTMLElement>('[data-chat]');
    const chat = row && this.inbox.find(row.dataset.chat ?? '');
    if (chat) {
      this.choose(chat.chatId);
      this.open(chat);
    }
  }

  private moveTo(index: number): void {
    this.active = Math.max(0, Math.min(index, this.chats.length - 1));
    this.mark();
    this.list.children[this.active]?.scrollIntoView({ block: 'nearest' });
  }

  private mark(): void {
    [...this.list.children].forEach((row, index) => {
      row.classList.toggle('active', index === this.active);
      row.setAttribute('aria-selected', String((row as HTMLElement).dataset.chat === this.openId()));
    });
    if (this.chats.length > 0) {
      this.list.setAttribute('aria-activedescendant', `row-${this.active}`);
    } else {
      this.list.removeAttribute('aria-activedescendant');
    }
  }
}
