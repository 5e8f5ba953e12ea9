// The loaded chats: the first pages of the service's list for the filter, or the results of a search.
import type { Api, Chat, ChatMessage } from './api';
import { EVERYTHING, type Filter, isListed, isShown, wanted } from './filter';
import { activity } from './texts';

const PAGE = 100;
/** Number of visible chats to load at a time. */
const ENOUGH = 30;
/** Maximum number of pages to load for them. */
const PAGES_AT_ONCE = 5;

export class Inbox {
  /** Identity of the current query; responses to earlier queries are ignored. */
  filter: Filter = EVERYTHING;
  /** Whether the service's list has no further pages. */
  isComplete = false;
  isLoading = false;
  private chats = new Map<string, Chat>();
  private matches = new Map<string, ChatMessage>();

  constructor(
    private readonly api: Api,
    private readonly email: string,
    private readonly onChange: () => void,
  ) {}

  /** The visible chats: pinned first, then newest activity. */
  shown(): Chat[] {
    const chats = [...this.chats.values()].filter((chat) => isShown(this.filter, chat, this.email));
    return chats.sort(
      (a, b) =>
        Number(b.isPinned) - Number(a.isPinned) || activity(b) - activity(a) || (a.chatId < b.chatId ? -1 : 1),
    );
  }

  find(chatId: string): Chat | undefined {
    return this.chats.get(chatId);
  }

  /** The message of a chat that matches the search. */
  match(chatId: string): ChatMessage | undefined {
    return this.matches.get(chatId);
  }

  /** Restarts with another filter. */
  async show(filter: Filter): Promise<void> {
    this.filter = { ...filter };
    this.chats.clear();
    this.matches.clear();
    this.isComplete = false;
    await this.more();
  }

  /** Loads the next page. */
  async more(): Promise<void> {
    const asked = this.filter;
    this.isLoading = true;
    this.onChange();
    try {
      await (asked.search === '' ? this.readOn(asked) : this.search(asked));
    } finally {
      if (asked === this.filter) {
        this.isLoading = false;
        this.onChange();
      }
    }
  }

  /** Reloads all loaded pages and keeps the old ones on screen until then. */
  async reload(): Promise<void> {
    const asked = this.filter;
    if (asked.search !== '' || this.isLoading) {
      return this.show(asked);
    }
    const before = [...this.chats.keys()];
    const now = new Map<string, Chat>();
    let offset = 0;
    let isComplete: boolean;
    do {
      const page = await this.api.listChats(wanted(asked), offset, PAGE);
      if (asked !== this.filter) {
        return;
      }
      page.forEach((chat) => now.set(chat.chatId, chat));
      offset += PAGE;
      isComplete = page.length < PAGE;
    } while (!isComplete && offset < before.length);
    // Chats that arrived meanwhile stay.
    before.forEach((chatId) => this.chats.delete(chatId));
    now.forEach((chat, chatId) => this.chats.set(chatId, chat));
    this.isComplete = isComplete;
    this.onChange();
  }

  /** Adds or updates a chat. A chat beyond the loaded pages arrives with its page. */
  put(chat: Chat): void {
    const isWithin = this.isComplete || activity(chat) >= this.oldest();
    if (this.chats.has(chat.chatId) || (isWithin && this.filter.search === '')) {
      this.chats.set(chat.chatId, chat);
      this.onChange();
    }
  }

  /** Removes a chat that no longer exists. */
  drop(chatId: string): void {
    if (this.chats.delete(chatId)) {
      this.onChange();
    }
  }

  private async readOn(asked: Filter): Promise<void> {
    const before = this.shown().length;
    for (let page = 0; page < PAGES_AT_ONCE; page += 1) {
      // Counted each time: chats enter and leave the list while it is loaded.
      const offset = [...this.chats.values()].filter((chat) => isListed(asked, chat)).length;
      const chats = await this.api.listChats(wanted(asked), offset, PAGE);
      if (asked !== this.filter) {
        return;
      }
      chats.forEach((chat) => this.chats.set(chat.chatId, chat));
      this.isComplete = chats.length < PAGE;
      if (this.isComplete || this.shown().length >= before + ENOUGH) {
        return;
      }
    }
  }

  private async search(asked: Filter): Promise<void> {
    const found = await this.api.search(asked.search, asked.phone);
    // A chat may have been deleted since the search.
    const chats = await Promise.all(found.map(({ chatId }) => this.api.findChat(chatId, asked.phone)));
    if (asked !== this.filter) {
      return;
    }
    found.forEach(({ message }, at) => {
      const chat = chats[at];
      if (chat) {
        this.chats.set(chat.chatId, chat);
        if (message) {
          this.matches.set(chat.chatId, message);
        }
      }
    });
    this.isComplete = true;
  }

  private oldest(): number {
    return Math.min(...[...this.chats.values()].map(activity));
  }
}
