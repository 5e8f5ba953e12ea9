// The list: pinned chats, and a slice of the service's list around the visible rows.
import { signal } from '@preact/signals';
import type { Api, Chat, Wanted } from '../api';
import { digits } from '../phones';
import { load } from './busy';
import { isListed, wanted } from './filter';
import type { Filter } from './route';
import { PAGE, type Part, Slice } from './slice';

/** Rows that are loaded before they become visible. */
const AHEAD = 30;

/** The rows: pinned chats, then `before` chats that are not loaded, the loaded ones, and others up to `count`. */
export interface Rows {
  readonly pinned: readonly Chat[];
  readonly before: number;
  readonly chats: readonly Chat[];
  readonly count: number;
}

const NONE: Rows = { pinned: [], before: 0, chats: [], count: 0 };

/** Chats that changed while a load was under way, so that they are newer than its result; undefined for a removed one. */
type Changed = Map<string, Chat | undefined>;

export class ChatList {
  readonly rows = signal(NONE);
  readonly isLoading = signal(true);
  /** Identity of the current query; responses to earlier queries are ignored. */
  private wanted?: Wanted;
  private slice = new Slice('newest');
  private pinned = new Map<string, Chat>();
  /** The number whose pinned chats are loaded. Changes keep them current, so that they outlast the filter. */
  private pinnedNumber?: string;
  /** Whether the first page is not there yet. */
  private isStarting = false;
  private readonly loads = new Set<Changed>();
  /** The chat that was opened last: it stays in the list when it is read. */
  private opened = '';

  constructor(
    private readonly api: Api,
    private readonly email: string,
  ) {}

  find(chatId: string): Chat | undefined {
    return this.pinned.get(chatId) ?? this.slice.chats.find((chat) => chat.chatId === chatId);
  }

  /** The number that has pinned a chat, in digits; empty when none has. */
  pinnedBy(chatId: string): string {
    return digits(this.pinned.get(chatId)?.orgPhone ?? '');
  }

  /** Keeps a chat listed although it was read, until another one is opened or the filter changes. */
  stay(chatId: string): void {
    const before = this.opened === chatId ? undefined : this.find(this.opened);
    this.opened = chatId;
    if (before) {
      this.change(before.chatId, before);
    }
  }

  /** Restarts with a filter. */
  async show(filter: Filter): Promise<void> {
    await this.restart(wanted(filter, this.email));
  }

  /** Loads what is missing around the visible rows. */
  async near(first: number, last: number): Promise<void> {
    const asked = this.wanted;
    if (!asked || this.isLoading.value) {
      return;
    }
    if (this.isStarting) {
      // The first page, or what belongs to it, could not be loaded.
      return this.restart({ ...asked });
    }
    const read = this.missing(asked, first, last);
    if (read) {
      await load(this.isLoading, () => this.keepingChanges(read), () => asked === this.wanted);
    }
  }

  /** Reloads the loaded chats and keeps the old ones on screen until then. */
  async reload(): Promise<void> {
    const asked = this.wanted;
    if (!asked) {
      return;
    }
    if (this.isStarting) {
      return this.restart({ ...asked });
    }
    this.pinnedNumber = undefined;
    await this.keepingChanges(() => this.replace(asked, this.slice.all(), this.slice.before));
  }

  /** Adds or updates a chat. A chat beyond the loaded ones arrives with its page. */
  put(chat: Chat): void {
    this.change(chat.chatId, compact(chat));
  }

  /** Removes a chat that no longer exists. */
  drop(chatId: string): void {
    this.change(chatId, undefined);
  }

  /** Shows the first page together with the pinned chats, so that no row moves right after it appeared. */
  private async restart(asked: Wanted): Promise<void> {
    this.wanted = asked;
    this.slice = new Slice(asked.sort);
    this.rows.value = NONE;
    this.isStarting = true;
    const start = () => this.keepingChanges(() => this.replace(asked, { offset: 0, limit: PAGE }, 0));
    await load(this.isLoading, start, () => asked === this.wanted);
  }

  /** What to load so that these rows, and some around them, are there. */
  private missing(asked: Wanted, first: number, last: number): (() => Promise<void>) | undefined {
    const { pinned, before, chats } = this.rows.value;
    const { slice } = this;
    const start = pinned.length + before;
    const end = start + chats.length;
    const isElsewhere = (first >= end && !slice.isAtEnd) || (last <= start && !slice.isAtStart);
    // A slice of pinned chats only has no row.
    if (isElsewhere && (chats.length > 0 || slice.chats.length === 0)) {
      const offset = Math.max(0, Math.floor((first + last - PAGE) / 2) - pinned.length);
      return () => this.replace(asked, { offset, limit: PAGE }, offset);
    }
    if (last + AHEAD > end && !slice.isAtEnd) {
      return () => this.extend(asked, true);
    }
    if (first - AHEAD < start && !slice.isAtStart) {
      return () => this.extend(asked, false);
    }
    return undefined;
  }

  private async extend(asked: Wanted, isNext: boolean): Promise<void> {
    const { slice } = this;
    const part = slice.beside(isNext);
    const page = await this.load(asked, part);
    // A slice that was replaced is newer than the page.
    if (slice === this.slice) {
      slice.extend(page, part, isNext);
      page.filter(({ isPinned }) => isPinned).forEach((chat) => this.pinned.set(chat.chatId, chat));
    }
  }

  private async replace(asked: Wanted, part: Part, before: number): Promise<void> {
    const [page, pinned] = await Promise.all([this.load(asked, part), this.pinnedChats(asked)]);
    if (asked === this.wanted) {
      this.pinnedNumber = asked.number;
      const opened = this.find(this.opened);
      const slice = new Slice(asked.sort);
      slice.replace(page, part, before, this.slice.count);
      this.slice = slice;
      this.pinned = new Map([...pinned, ...page.filter(({ isPinned }) => isPinned)].map((chat) => [chat.chatId, chat]));
      this.isStarting = false;
      if (asked.unread && opened && !page.some(({ chatId }) => chatId === opened.chatId) && this.lists(asked, opened)) {
        slice.put(opened);
      }
    }
  }

  private async load(asked: Wanted, { offset, limit, time }: Part): Promise<Chat[]> {
    return (await this.api.listChats({ ...asked, ...time }, offset, limit)).map(compact);
  }

  /** The service lists chats by activity, so that pinned ones may be on any page: they are loaded first. */
  private async pinnedChats({ number }: Wanted): Promise<Iterable<Chat>> {
    if (number === this.pinnedNumber) {
      return this.pinned.values();
    }
    const pinned = await this.api.pinnedChats(number);
    const chats = await Promise.all(pinned.map((one) => this.api.findChat(one.chatId, one.number)));
    return chats.flatMap((chat) => (chat ? [compact(chat)] : []));
  }

  /** Runs a load, and then applies the changes that arrived meanwhile. */
  private async keepingChanges(call: () => Promise<void>): Promise<void> {
    const changed: Changed = new Map();
    this.loads.add(changed);
    try {
      await call();
    } finally {
      this.loads.delete(changed);
    }
    changed.forEach((chat, chatId) => this.apply(chatId, chat));
    this.arrange();
  }

  private change(chatId: string, chat: Chat | undefined): void {
    this.loads.forEach((changed) => changed.set(chatId, chat));
    if (!this.isStarting) {
      this.apply(chatId, chat);
      this.arrange();
    }
  }

  private apply(chatId: string, chat: Chat | undefined): void {
    if (chat?.isPinned) {
      this.pinned.set(chatId, chat);
    } else {
      this.pinned.delete(chatId);
    }
    if (chat && this.wanted && this.lists(this.wanted, chat)) {
      this.slice.put(chat);
    } else {
      this.slice.drop(chatId);
    }
  }

  /** Whether the list has the chat: as the service does, but for the opened one, which stays. */
  private lists(wanted: Wanted, chat: Chat): boolean {
    const { pinned, chats } = this.rows.peek();
    const stays = chat.chatId === this.opened && [...pinned, ...chats].some(({ chatId }) => chatId === this.opened);
    return isListed(stays ? { ...wanted, unread: undefined } : wanted, chat);
  }

  /** Pinned chats are first, and not once more at their place in the service's list. */
  private arrange(): void {
    const { wanted, slice } = this;
    if (!wanted || this.isStarting) {
      return;
    }
    const pinned = [...this.pinned.values()].filter((chat) => this.lists(wanted, chat)).sort((a, b) => slice.compare(a, b));
    const chats = slice.chats.filter(({ chatId }) => !this.pinned.has(chatId));
    const [first, last] = [slice.chats[0], slice.chats.at(-1)];
    const before = slice.before - pinned.filter((chat) => first && slice.compare(chat, first) < 0).length;
    const after = slice.after - pinned.filter((chat) => last && slice.compare(chat, last) > 0).length;
    const start = Math.max(0, before);
    this.rows.value = { pinned, before: start, chats, count: pinned.length + start + chats.length + Math.max(0, after) };
  }
}

/** Without the members that the list does not show: large groups have many. */
function compact(chat: Chat): Chat {
  const author = chat.latestMessage?.author ?? '';
  const member = chat.members[author];
  return { ...chat, members: member ? { [author]: member } : {} };
}
