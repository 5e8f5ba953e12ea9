// The loaded chats of the list: pinned ones, and the first pages of the service's list for the filter.
import { signal } from '@preact/signals';
import type { Api, Chat, Cursors } from '../api';
import { activity } from '../texts';
import { load } from './busy';
import { isListed, isShown, wanted } from './filter';
import type { Filter } from './route';

const PAGE = 100;
/** Number of visible chats to load at a time. */
const ENOUGH = 30;
/** Maximum number of pages to load for them. */
const PAGES_AT_ONCE = 5;

export class ChatList {
  /** The visible chats: pinned first, then newest activity. */
  readonly rows = signal<readonly Chat[]>([]);
  readonly isLoading = signal(true);
  /** Whether the service's list has no further pages. */
  readonly isComplete = signal(false);
  /** Identity of the current query; responses to earlier queries are ignored. */
  private filter?: Filter;
  private chats = new Map<string, Chat>();
  /** Activity of the last chat of the last page. */
  private boundary = Infinity;
  private cursors?: Cursors;

  constructor(
    private readonly api: Api,
    private readonly email: string,
  ) {}

  find(chatId: string): Chat | undefined {
    return this.chats.get(chatId);
  }

  /** Restarts with a filter. */
  async show(filter: Filter): Promise<void> {
    this.filter = { ...filter };
    this.chats.clear();
    this.boundary = Infinity;
    this.cursors = undefined;
    this.isComplete.value = false;
    await Promise.all([this.more(true), this.pinned(this.filter)]);
  }

  /** Loads the next page. */
  async more(isFirst = false): Promise<void> {
    const asked = this.filter;
    if (!asked || (!isFirst && (this.isLoading.value || this.isComplete.value))) {
      return;
    }
    this.arrange();
    const read = () => (asked.view === 'archived' ? this.readArchived(asked) : this.readOn(asked));
    await load(this.isLoading, read, () => asked === this.filter);
  }

  /** Reloads all loaded pages and keeps the old ones on screen until then. */
  async reload(): Promise<void> {
    const asked = this.filter;
    if (!asked) {
      return;
    }
    if (this.isLoading.value || asked.view === 'archived') {
      return this.show(asked);
    }
    const before = [...this.chats.keys()];
    const now = new Map<string, Chat>();
    let page: Chat[];
    let offset = 0;
    do {
      page = await this.api.listChats(wanted(asked), offset, PAGE);
      if (asked !== this.filter) {
        return;
      }
      page.forEach((chat) => now.set(chat.chatId, compact(chat)));
      offset += PAGE;
    } while (page.length === PAGE && offset < before.length);
    // Chats that arrived meanwhile stay.
    before.forEach((chatId) => this.chats.delete(chatId));
    now.forEach((chat, chatId) => this.chats.set(chatId, chat));
    this.finish(page);
    await this.pinned(asked);
  }

  /** Adds or updates a chat. A chat beyond the loaded pages arrives with its page. */
  put(chat: Chat): void {
    const isWithin = this.isComplete.value || activity(chat) >= this.boundary;
    if (this.chats.has(chat.chatId) || isWithin || chat.isPinned) {
      this.chats.set(chat.chatId, compact(chat));
      this.arrange();
    }
  }

  /** Removes a chat that no longer exists. */
  drop(chatId: string): void {
    if (this.chats.delete(chatId)) {
      this.arrange();
    }
  }

  /** The service lists chats by activity, so that pinned ones may be on any page: they are loaded first. */
  private async pinned(asked: Filter): Promise<void> {
    if (asked.view === 'archived') {
      return;
    }
    const { items } = await this.api.findInSessions(asked.number, { pinned: true });
    await this.add(asked, items);
  }

  private async readOn(asked: Filter): Promise<void> {
    const before = this.rows.value.length;
    for (let page = 0; page < PAGES_AT_ONCE; page += 1) {
      // Counted each time: chats enter and leave the list while it is loaded.
      const loaded = [...this.chats.values()].filter((chat) => activity(chat) >= this.boundary && isListed(asked, chat));
      const chats = await this.api.listChats(wanted(asked), loaded.length, PAGE);
      if (asked !== this.filter) {
        return;
      }
      chats.forEach((chat) => this.chats.set(chat.chatId, compact(chat)));
      this.finish(chats);
      if (this.isComplete.value || this.rows.value.length >= before + ENOUGH) {
        return;
      }
    }
  }

  private async readArchived(asked: Filter): Promise<void> {
    const { items, next } = await this.api.findInSessions(asked.number, { archived: true }, this.cursors);
    await this.add(asked, items);
    if (asked === this.filter) {
      this.cursors = next;
      this.isComplete.value = next === undefined;
    }
  }

  private async add(asked: Filter, found: { chatId: string; number: string }[]): Promise<void> {
    const chats = await Promise.all(found.map(({ chatId, number }) => this.api.findChat(chatId, number)));
    if (asked === this.filter) {
      chats.forEach((chat) => chat && !this.chats.has(chat.chatId) && this.chats.set(chat.chatId, compact(chat)));
      this.arrange();
    }
  }

  private finish(lastPage: Chat[]): void {
    this.isComplete.value = lastPage.length < PAGE;
    this.boundary = Math.min(this.boundary, ...lastPage.slice(-1).map(activity));
    this.arrange();
  }

  private arrange(): void {
    const { filter } = this;
    if (filter) {
      const chats = [...this.chats.values()].filter((chat) => isShown(filter, chat, this.email));
      this.rows.value = chats.sort(
        (a, b) =>
          Number(b.isPinned) - Number(a.isPinned) || activity(b) - activity(a) || (a.chatId < b.chatId ? -1 : 1),
      );
    }
  }
}

/** Without the members that the list does not show: large groups have many. */
function compact(chat: Chat): Chat {
  const author = chat.latestMessage?.author ?? '';
  const member = chat.members[author];
  return { ...chat, members: member ? { [author]: member } : {} };
}
