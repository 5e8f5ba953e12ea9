// The loaded chats of the list: pinned ones, and the first pages of the service's list for the filter.
import { signal } from '@preact/signals';
import type { Api, Chat, Wanted } from '../api';
import { activity } from '../texts';
import { load } from './busy';
import { isListed, wanted } from './filter';
import type { Filter } from './route';

const PAGE = 100;

export class ChatList {
  /** The visible chats: pinned first, then in the order of the list. */
  readonly rows = signal<readonly Chat[]>([]);
  readonly isLoading = signal(true);
  /** Whether the service's list has no further pages. */
  readonly isComplete = signal(false);
  /** Identity of the current query; responses to earlier queries are ignored. */
  private wanted?: Wanted;
  private chats = new Map<string, Chat>();
  /** Whether the first page is not there yet. */
  private isStarting = false;
  /** Position of the last chat of the last page. */
  private boundary = Infinity;

  constructor(
    private readonly api: Api,
    private readonly email: string,
  ) {}

  find(chatId: string): Chat | undefined {
    return this.chats.get(chatId);
  }

  /** Restarts with a filter. */
  async show(filter: Filter): Promise<void> {
    await this.restart(wanted(filter, this.email));
  }

  /** Loads the next page. */
  async more(): Promise<void> {
    const asked = this.wanted;
    if (!asked || this.isLoading.value) {
      return;
    }
    if (this.isStarting) {
      // The first page, or what belongs to it, could not be loaded.
      return this.restart({ ...asked });
    }
    if (this.isComplete.value) {
      return;
    }
    await load(this.isLoading, () => this.readOn(asked), () => asked === this.wanted);
  }

  /** Reloads all loaded pages and keeps the old ones on screen until then. */
  async reload(): Promise<void> {
    const asked = this.wanted;
    if (!asked) {
      return;
    }
    if (this.isLoading.value) {
      return this.restart({ ...asked });
    }
    const before = [...this.chats.keys()];
    const now = new Map<string, Chat>();
    let page: Chat[];
    let offset = 0;
    do {
      page = await this.api.listChats(asked, offset, PAGE);
      if (asked !== this.wanted) {
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
    const isWithin = this.isComplete.value || this.place(chat) >= this.boundary;
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

  /** Shows the first page together with the pinned chats, so that no row moves right after it appeared. */
  private async restart(asked: Wanted): Promise<void> {
    this.wanted = asked;
    this.chats.clear();
    this.boundary = Infinity;
    this.isComplete.value = false;
    this.rows.value = [];
    this.isStarting = true;
    const isCurrent = () => asked === this.wanted;
    const start = async () => {
      await Promise.all([this.readOn(asked), this.pinned(asked)]);
      if (isCurrent()) {
        this.isStarting = false;
        this.arrange();
      }
    };
    await load(this.isLoading, start, isCurrent);
  }

  /** The service lists chats by activity, so that pinned ones may be on any page: they are loaded first. */
  private async pinned(asked: Wanted): Promise<void> {
    const pinned = await this.api.pinnedChats(asked.number);
    const chats = await Promise.all(pinned.map(({ chatId, number }) => this.api.findChat(chatId, number)));
    if (asked === this.wanted) {
      chats.forEach((chat) => chat && !this.chats.has(chat.chatId) && this.chats.set(chat.chatId, compact(chat)));
      this.arrange();
    }
  }

  private async readOn(asked: Wanted): Promise<void> {
    // Counted each time: chats enter and leave the list while it is loaded.
    const loaded = [...this.chats.values()].filter((chat) => this.place(chat) >= this.boundary && isListed(asked, chat));
    const chats = await this.api.listChats(asked, loaded.length, PAGE);
    if (asked === this.wanted) {
      chats.forEach((chat) => this.chats.set(chat.chatId, compact(chat)));
      this.finish(chats);
    }
  }

  private finish(lastPage: Chat[]): void {
    this.isComplete.value = lastPage.length < PAGE;
    this.boundary = Math.min(this.boundary, ...lastPage.slice(-1).map((chat) => this.place(chat)));
    this.arrange();
  }

  /** Where a chat is in the list: greater than those after it. */
  private place(chat: Chat): number {
    return this.wanted?.sort === 'oldest' ? -activity(chat) : activity(chat);
  }

  private arrange(): void {
    const { wanted } = this;
    if (wanted && !this.isStarting) {
      const chats = [...this.chats.values()].filter((chat) => isListed(wanted, chat));
      this.rows.value = chats.sort(
        (a, b) =>
          Number(b.isPinned) - Number(a.isPinned) || this.place(b) - this.place(a) || (a.chatId < b.chatId ? -1 : 1),
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
