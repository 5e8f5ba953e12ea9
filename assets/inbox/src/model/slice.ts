// A slice of the service's list of chats: the loaded ones, which follow each other, and how many are before and after them.
import type { Chat, Sort, Wanted } from '../api';
import { activity } from '../texts';

export const PAGE = 100;
/** Maximum number of loaded chats, so that memory does not grow with the list. */
const MOST = 5 * PAGE;
/** Chats that a page by offset shares with the slice: others may have come or gone before them. */
const OVERLAP = 10;

/** A request for a part of the list: by offset, or by offset among the chats within a time. */
export interface Part {
  offset: number;
  limit: number;
  time?: Pick<Wanted, 'sort' | 'startTime' | 'endTime'>;
}

export class Slice {
  chats: Chat[] = [];
  /** Estimated number of chats before the loaded ones; exact at the start of the list. */
  before = 0;
  /** Estimated number of known chats after the loaded ones. */
  after = 0;
  /** Whether the first loaded chat is the first of the list. */
  isAtStart = false;
  /** Whether the last loaded chat is the last of the list. */
  isAtEnd = false;
  /** Whether only chats without messages follow, which have no time. */
  private isTimeOver = false;

  constructor(private readonly sort: Sort) {}

  /** Number of known chats of the list. */
  get count(): number {
    return this.before + this.chats.length + this.after;
  }

  /** What to load after the slice or before it. By time, because the cost of a page by offset grows with the offset. */
  beside(isNext: boolean): Part {
    const edge = this.chats.at(isNext ? -1 : 0);
    const time = edge && this.timeOf(edge, isNext);
    const ties = this.chats.filter((chat) => edge && activity(chat) === activity(edge)).length;
    if (time && !(isNext && this.isTimeOver) && ties < this.chats.length) {
      return { offset: ties - 1, limit: PAGE + 1, time };
    }
    const offset = isNext ? this.before + this.chats.length - OVERLAP : this.before - PAGE;
    return { offset: Math.max(0, offset), limit: PAGE + OVERLAP };
  }

  /** What to load to replace all chats of the slice. */
  all(): Part {
    const limit = Math.max(PAGE, this.chats.length);
    const time = this.chats[0] && this.timeOf(this.chats[0], true);
    return this.isAtStart ? { offset: 0, limit } : time ? { offset: 0, limit, time } : { offset: this.before, limit };
  }

  /** Adds what was loaded after the slice or before it. */
  extend(page: readonly Chat[], part: Part, isNext: boolean): void {
    const fresh = new Set(page.map(({ chatId }) => chatId));
    const kept = this.chats.filter(({ chatId }) => !fresh.has(chatId));
    if (!part.time && kept.length === this.chats.length) {
      this.replace(page, part, part.offset, this.count);
      return;
    }
    const added = kept.length + page.length - this.chats.length;
    if (isNext) {
      this.chats = [...kept, ...page];
      this.reachEnd(page, part);
      this.after = this.isAtEnd ? 0 : Math.max(0, this.after - added);
    } else {
      this.chats = [...(part.time ? [...page].reverse() : page), ...kept];
      this.isAtStart = part.time ? page.length < PAGE : part.offset === 0;
      this.before = this.isAtStart ? 0 : Math.max(1, this.before - added);
    }
    this.trim(isNext);
  }

  /** Replaces all chats; `known` is the number of chats of the list as far as known. */
  replace(page: readonly Chat[], part: Part, before: number, known: number): void {
    this.chats = [...page];
    this.before = before;
    this.isAtStart = before === 0;
    this.reachEnd(page, part);
    this.after = this.isAtEnd ? 0 : Math.max(0, known - before - page.length);
  }

  /** Puts a listed chat at its place. Whether one that is not loaded was before the slice is not known. */
  put(chat: Chat): void {
    const wasLoaded = this.drop(chat.chatId);
    const index = this.chats.findIndex((other) => this.compare(chat, other) < 0);
    if (index === 0 && !this.isAtStart) {
      this.before += Number(wasLoaded);
    } else if (index < 0 && !this.isAtEnd) {
      this.after += Number(wasLoaded);
    } else {
      this.chats.splice(index < 0 ? this.chats.length : index, 0, chat);
      this.trim(index < 0 || index > this.chats.length / 2);
    }
  }

  /** Takes a chat out and returns whether it was loaded. */
  drop(chatId: string): boolean {
    const index = this.chats.findIndex((chat) => chat.chatId === chatId);
    if (index >= 0) {
      this.chats.splice(index, 1);
    }
    return index >= 0;
  }

  /** Negative when the first chat is before the second one. */
  compare(a: Chat, b: Chat): number {
    const newestFirst = activity(b) - activity(a) || (a.chatId < b.chatId ? -1 : Number(a.chatId > b.chatId));
    return this.sort === 'oldest' ? -newestFirst : newestFirst;
  }

  /** The time of this chat and of those after it, or before it in reverse order; undefined without messages. */
  private timeOf(chat: Chat, isAfter: boolean): Part['time'] {
    const at = activity(chat);
    if (at === 0) {
      return undefined;
    }
    const isToOlder = isAfter === (this.sort === 'newest');
    return isToOlder ? { sort: 'newest', endTime: instant(at + 1) } : { sort: 'oldest', startTime: instant(at) };
  }

  /** Notes whether a page has the end of the list. With fewer chats than asked for, it may have ended early by its size. */
  private reachEnd(page: readonly Chat[], { time }: Part): void {
    const isShort = page.length < PAGE;
    this.isTimeOver = isShort && time !== undefined;
    this.isAtEnd = isShort && (time === undefined || this.sort === 'oldest');
  }

  /** Drops the chats beyond the maximum. */
  private trim(isFromStart: boolean): void {
    const excess = Math.max(0, this.chats.length - MOST);
    if (excess > 0 && isFromStart) {
      this.chats.splice(0, excess);
      this.before += excess;
      this.isAtStart = false;
    } else if (excess > 0) {
      this.chats.splice(-excess);
      this.after += excess;
      this.isAtEnd = false;
      this.isTimeOver = false;
    }
  }
}

function instant(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
