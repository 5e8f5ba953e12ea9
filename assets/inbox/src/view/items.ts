// The items of the list by index, and where they are. The list of chats is loaded in part; the results of a search are not.
import { useMemo } from 'preact/hooks';
import type { Chat } from '../api';
import type { Desk } from '../model/desk';
import { filter } from '../model/route';
import type { Hit } from '../model/search';

export type Item =
  | { key: string; kind: 'chat'; chat: Chat }
  | { key: string; kind: 'hit'; chat: Chat; found: Hit }
  | { key: string; kind: 'heading'; text: string };

/** Heights in rem, as in the style sheet. */
const ROW = 4.5;
const HEADING = 2;
const REM = parseFloat(getComputedStyle(document.documentElement).fontSize);

export class Items {
  /** Where the headings are. */
  private readonly headings: readonly number[];

  /** The first items, and others after a gap of items that are not loaded. */
  constructor(
    private readonly first: readonly Item[],
    private readonly gap: number,
    private readonly others: readonly Item[],
    readonly count: number,
  ) {
    this.headings = first.flatMap(({ kind }, index) => (kind === 'heading' ? [index] : []));
  }

  /** Undefined for an item that is not loaded. */
  get(index: number): Item | undefined {
    return this.first[index] ?? this.others[index - this.first.length - this.gap];
  }

  /** -1 when no loaded item has this key. */
  indexOf(key: string): number {
    const isIt = (item: Item) => item.key === key;
    const index = this.first.findIndex(isIt);
    const other = index < 0 ? this.others.findIndex(isIt) : -1;
    return other < 0 ? index : this.first.length + this.gap + other;
  }

  isHeading(index: number): boolean {
    return this.headings.includes(index);
  }

  /** The distance of an item from the top in pixels; that of the item after the last one is the height of all. */
  top(index: number): number {
    const headings = this.headings.filter((heading) => heading < index).length;
    return ((index - headings) * ROW + headings * HEADING) * REM;
  }

  /** The index of the item at this distance from the top. */
  at(distance: number): number {
    // Headings are lower than rows.
    let index = Math.max(0, Math.floor(distance / (ROW * REM)));
    while (index < this.count && this.top(index + 1) <= distance) {
      index += 1;
    }
    return Math.min(index, this.count);
  }
}

export function useItems(desk: Desk): Items {
  const isSearch = filter.value.search !== '';
  const [rows, people, hits] = [desk.list.rows.value, desk.search.people.value, desk.search.hits.value];
  return useMemo(() => {
    if (!isSearch) {
      return new Items(rows.pinned.map(ofChat), rows.before, rows.chats.map(ofChat), rows.count);
    }
    const found = hits.map((hit): Item => ({ key: `${hit.hit.message?.orgPhone} ${hit.hit.message?.messageId}`, kind: 'hit', chat: hit.chat, found: hit }));
    const all = [...under('People and groups', people.map(ofChat)), ...under('Messages', found)];
    return new Items(all, 0, [], all.length);
  }, [isSearch, rows, people, hits]);
}

function ofChat(chat: Chat): Item {
  return { key: chat.chatId, kind: 'chat', chat };
}

function under(heading: string, items: Item[]): Item[] {
  return items.length > 0 ? [{ key: heading, kind: 'heading', text: heading }, ...items] : [];
}
