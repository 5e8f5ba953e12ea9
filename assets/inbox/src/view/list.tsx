// The list: chats, or the results of a search. An ARIA listbox with one tab stop, of which only the visible rows exist.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Chat } from '../api';
import type { Desk } from '../model/desk';
import { showFailure } from '../model/notices';
import { filter } from '../model/route';
import type { Hit } from '../model/search';
import { isSelecting, selected, toggle } from '../model/selection';
import { useDesk } from './desk';
import { wantedFocus } from './focus';
import { Icon } from './icons';
import { ChatRow, HitRow } from './row';

export type Item =
  | { key: string; kind: 'chat'; chat: Chat }
  | { key: string; kind: 'hit'; chat: Chat; found: Hit }
  | { key: string; kind: 'heading'; text: string };

/** Heights in rem, as in the style sheet. */
const ROW = 4.5;
const HEADING = 2;
/** Rows beyond the visible ones that exist, and that are loaded before they are reached. */
const SPARE = 6;
const AHEAD = 30;
const PAGE_KEYS = 8;

export function List() {
  const desk = useDesk();
  const items = useItems(desk);
  const isSearch = filter.value.search !== '';
  const source = isSearch ? desk.search : desk.list;
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 0 });
  const rem = useMemo(() => parseFloat(getComputedStyle(document.documentElement).fontSize), []);
  const tops = useMemo(() => topsOf(items, rem), [items, rem]);
  const [active, setActive] = useActive(items);
  const total = tops[items.length];
  const first = Math.max(0, at(tops, view.top) - SPARE);
  const last = Math.min(items.length, at(tops, view.top + view.height) + 1 + SPARE);

  useEffect(() => {
    const chosen = items[active];
    desk.chosen.value = chosen && chosen.kind !== 'heading' ? chosen.chat : undefined;
  }, [items, active]);
  useLayoutEffect(() => {
    const element = scroller.current;
    const measure = () => element && setView({ top: element.scrollTop, height: element.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    if (element) {
      observer.observe(element);
    }
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (scroller.current) {
      scroller.current.scrollTop = 0;
    }
  }, [filter.value]);
  useEffect(() => {
    if (last + AHEAD > items.length) {
      void source.more().catch(showFailure);
    }
  }, [last, items, source.isLoading.value, source.isComplete.value]);

  const moveTo = (index: number) => {
    const step = index < active ? -1 : 1;
    let to = Math.max(0, Math.min(index, items.length - 1));
    while (items[to]?.kind === 'heading' && items[to + step]) {
      to += step;
    }
    if (items[to]?.kind === 'heading') {
      return;
    }
    setActive(to);
    const [element, above, below] = [scroller.current, tops[to] - (items[to - 1]?.kind === 'heading' ? HEADING * rem : 0), tops[to + 1]];
    if (element && above < element.scrollTop) {
      element.scrollTop = above;
    } else if (element && below > element.scrollTop + element.clientHeight) {
      element.scrollTop = below - element.clientHeight;
    }
  };
  const open = (item: Item | undefined) => {
    if (item && item.kind !== 'heading') {
      desk.open(item.chat, item.kind === 'hit' ? item.found.hit.message?.messageId : '');
    }
  };
  const press = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + PAGE_KEYS, PageUp: active - PAGE_KEYS, Home: 0, End: items.length - 1 };
    if (event.key in steps) {
      event.preventDefault();
      moveTo(steps[event.key]);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      open(items[active]);
      wantedFocus.value = 'messages';
    }
  };
  const openId = desk.conversation.chat.value?.chatId;
  const rows = items.slice(first, last).map((item, offset) => {
    const index = first + offset;
    return (
      <Row key={item.key} item={item} index={index} count={items.length} top={tops[index]} isActive={index === active}
        isSelected={item.kind === 'chat' && isSelecting.value ? selected.value.has(item.chat.chatId) : undefined}
        isOpen={item.kind === 'chat' && item.chat.chatId === openId}
        onClick={(event) => {
          setActive(index);
          if (item.kind === 'chat' && (isSelecting.value || (desk.rights.maySend && (event.ctrlKey || event.metaKey)))) {
            toggle(item.chat);
            return;
          }
          open(item);
          // A touch would bring up the keyboard on the screen.
          wantedFocus.value = matchMedia('(hover: hover)').matches ? 'compose' : '';
        }} />
    );
  });
  return (
    <>
      <div id="list-scroll" ref={scroller} onScroll={({ currentTarget: { scrollTop, clientHeight } }) => setView({ top: scrollTop, height: clientHeight })}>
        <ul id="list" role="listbox" aria-label="Chats" tabIndex={0} aria-multiselectable={isSelecting.value} aria-busy={source.isLoading.value} style={{ height: `${total}px` }}
          aria-activedescendant={active >= first && active < last ? `row-${active}` : undefined} onKeyDown={press}>
          {rows}
        </ul>
        <p id="list-note" class="quiet" role="status">{note(items.length, source.isLoading.value, isSearch)}</p>
      </div>
    </>
  );
}

function note(count: number, isLoading: boolean, isSearch: boolean): string {
  return isLoading ? 'Loading…' : count > 0 ? '' : isSearch ? 'Nothing found.' : 'No chats here.';
}

function Row(props: { item: Item; index: number; count: number; top: number; isActive: boolean; isOpen: boolean; isSelected?: boolean; onClick: (event: MouseEvent) => void }) {
  const { item, index } = props;
  const style = { transform: `translateY(${props.top}px)` };
  if (item.kind === 'heading') {
    return <li role="presentation" class="heading" style={style}>{item.text}</li>;
  }
  return (
    <li role="option" id={`row-${index}`} class={`row ${props.isActive ? 'active' : ''}`} style={style} data-chat={item.chat.chatId}
      aria-selected={props.isSelected ?? props.isOpen} aria-setsize={props.count} aria-posinset={index + 1} onClick={props.onClick}>
      {props.isSelected !== undefined && <span class={`tick-box ${props.isSelected ? 'on' : ''}`}>{props.isSelected && <Icon name="check" />}</span>}
      {item.kind === 'chat' ? <ChatRow chat={item.chat} /> : <HitRow found={item.found} />}
    </li>
  );
}

function useItems(desk: Desk): readonly Item[] {
  const isSearch = filter.value.search !== '';
  const [chats, people, hits] = [desk.list.rows.value, desk.search.people.value, desk.search.hits.value];
  return useMemo(() => {
    const rows = (isSearch ? people : chats).map((chat): Item => ({ key: chat.chatId, kind: 'chat', chat }));
    if (!isSearch) {
      return rows;
    }
    const found = hits.map((hit): Item => ({ key: `${hit.hit.message?.orgPhone} ${hit.hit.message?.messageId}`, kind: 'hit', chat: hit.chat, found: hit }));
    return [
      ...(rows.length > 0 ? [{ key: 'people', kind: 'heading', text: 'People and groups' } as Item] : []),
      ...rows,
      ...(found.length > 0 ? [{ key: 'messages', kind: 'heading', text: 'Messages' } as Item] : []),
      ...found,
    ];
  }, [isSearch, chats, people, hits]);
}

/** The selected row. When its chat leaves the list, the one at its position is selected. */
function useActive(items: readonly Item[]): [number, (index: number) => void] {
  const [chosen, choose] = useState({ index: 0, key: '' });
  const isThere = items[chosen.index]?.key === chosen.key;
  const found = isThere ? chosen.index : items.findIndex(({ key }) => key === chosen.key);
  const rough = Math.max(0, Math.min(chosen.index, items.length - 1));
  const index = found >= 0 ? found : rough + Number(items[rough]?.kind === 'heading');
  return [index, (next) => choose({ index: next, key: items[next]?.key ?? '' })];
}

/** The distance of each row from the top in pixels, and the height of all. */
function topsOf(items: readonly Item[], rem: number): number[] {
  const tops = [0];
  items.forEach(({ kind }, index) => tops.push(tops[index] + (kind === 'heading' ? HEADING : ROW) * rem));
  return tops;
}

/** The row at this distance from the top. */
function at(tops: number[], distance: number): number {
  let [low, high] = [0, tops.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    [low, high] = tops[middle] <= distance ? [middle, high] : [low, middle - 1];
  }
  return low;
}
