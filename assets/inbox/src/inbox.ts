// The chats that the page knows: the beginning of the service's list for the chosen filter, or what a search found.
import type { Api, Chat, ChatMessage } from './api';
import { EVERYTHING, type Filter, isListed, isShown, wanted } from './filter';
import { activity } from './words';

const PAGE = 100;
/** So many chats to show are enough for once. */
const ENOUGH = 30;
/** And so many pages are asked for at most to find them. */
const PAGES_AT_ONCE = 5;

export class Inbox {
  /** Another object for each question asked, so that a late answer to an earlier one is known by it. */
  filter: Filter = EVERYTHING;
  /** Whether there is nothing more on the service's list. */
  isComplete = false;
  isLoading = false;
  private chats = new Map<string, Chat>();
  private matches = new Map<string, ChatMessage>();

  constructor(
    private readonly api: Api,
    private readonly email: string,
    private readonly onChange: () => void,
  ) {}

  /** What is shown: pinned chats first, then the newest activity. */
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

  /** The message that a search found in a chat. */
  match(chatId: string): ChatMessage | undefined {
    return this.matches.get(chatId);
  }

  /** Begins anew, with another filter. */
  async show(filter: Filter): Promise<void> {
    this.filter = { ...filter };
    this.chats.clear();
    this.matches.clear();
    this.isComplete = false;
    await this.more();
  }

  /** Reads on where the list ended. */
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

  /** Reads again as much as was read, without taking anything off the screen before. */
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
    // Those that were not there before stay: they came meanwhile.
    before.forEach((chatId) => this.chats.delete(chatId));
    now.forEach((chat, chatId) => this.chats.set(chatId, chat));
    this.isComplete = isComplete;
    this.onChange();
  }

  /** Takes in a chat as it is now. One that lies beyond what was read so far comes with its page. */
  put(chat: Chat): void {
    const isWithin = this.isComplete || activity(chat) >= this.oldest();
    if (this.chats.has(chat.chatId) || (isWithin && this.filter.search === '')) {
      this.chats.set(chat.chatId, chat);
      this.onChange();
    }
  }

  /** Forgets a chat that is not there any more. */
  drop(chatId: string): void {
    if (this.chats.delete(chatId)) {
      this.onChange();
    }
  }

  private async readOn(asked: Filter): Promise<void> {
    const before = this.shown().length;
    for (let page = 0; page < PAGES_AT_ONCE; page += 1) {
      // Counted rather than remembered: chats come to the list and leave it while it is read.
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
    // A chat may have gone away since it was found.
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
