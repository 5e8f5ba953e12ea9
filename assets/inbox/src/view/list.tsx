// The list: chats, or the results of a search. An ARIA listbox with one tab stop, of which only the visible rows exist.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { showFailure } from '../model/notices';
import { filter } from '../model/route';
import { isSelecting, select, selected, toggle } from '../model/selection';
import { useDesk } from './desk';
import { wantedFocus } from './focus';
import { Hidden, Icon } from './icons';
import { type Item, type Items, useItems } from './items';
import { ChatRow, HitRow } from './row';
import { useSteady } from './steady';

/** Rows beyond the visible ones that exist. */
const SPARE = 6;
/** Results of a search that are loaded before they are reached. */
const AHEAD = 30;
const PAGE_KEYS = 8;

export function List() {
  const desk = useDesk();
  const items = useItems(desk);
  const isSearch = filter.value.search !== '';
  const source = isSearch ? desk.search : desk.list;
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 0 });
  const [active, setActive] = useActive(items);
  const first = Math.max(0, items.at(view.top) - SPARE);
  const last = Math.min(items.count, items.at(view.top + view.height) + 1 + SPARE);
  const measure = () => {
    const element = scroller.current;
    if (element) {
      setView({ top: element.scrollTop, height: element.clientHeight });
    }
  };

  // Before the next key.
  useLayoutEffect(() => {
    const chosen = items.get(active);
    desk.chosen.value = chosen && chosen.kind !== 'heading' ? chosen.chat : undefined;
  }, [items, active]);
  useLayoutEffect(() => {
    const element = scroller.current;
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
  useSteady(scroller, items, measure);
  useEffect(() => {
    if (!isSearch) {
      void desk.list.near(first, last).catch(showFailure);
    } else if (last + AHEAD > items.count) {
      void desk.search.more().catch(showFailure);
    }
  }, [first, last, items, source.isLoading.value, desk.search.isComplete.value]);

  const moveTo = (index: number) => {
    const step = index < active ? -1 : 1;
    let to = Math.max(0, Math.min(index, items.count - 1));
    while (items.isHeading(to) && items.get(to + step)) {
      to += step;
    }
    if (items.isHeading(to)) {
      return;
    }
    setActive(to);
    const [element, above, below] = [scroller.current, items.top(items.isHeading(to - 1) ? to - 1 : to), items.top(to + 1)];
    if (element && above < element.scrollTop) {
      element.scrollTop = above;
    } else if (element && below > element.scrollTop + element.clientHeight) {
      element.scrollTop = below - element.clientHeight;
    }
  };
  /** The loaded chats of these rows and of those between them. */
  const between = (one: number, other: number) => {
    const [start, end] = [Math.min(one, other), Math.max(one, other)];
    const among = Array.from({ length: end - start + 1 }, (_, offset) => items.get(start + offset));
    return among.flatMap((item) => (item?.kind === 'chat' ? [item.chat] : []));
  };
  const open = (item: Item | undefined) => {
    if (item && item.kind !== 'heading') {
      desk.open(item.chat, item.kind === 'hit' ? item.found.hit.message?.messageId : '');
    }
  };
  const press = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + PAGE_KEYS, PageUp: active - PAGE_KEYS, Home: 0, End: items.count - 1 };
    if (event.key in steps) {
      event.preventDefault();
      moveTo(steps[event.key]);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      open(items.get(active));
      wantedFocus.value = 'messages';
    }
  };
  const openId = desk.conversation.chat.value?.chatId;
  const rows = Array.from({ length: Math.max(0, last - first) }, (_, offset) => {
    const index = first + offset;
    const item = items.get(index);
    return (
      <Row key={item?.key ?? index} item={item} index={index} count={items.count} top={items.top(index)} isActive={index === active}
        isSelected={item?.kind === 'chat' && isSelecting.value ? selected.value.has(item.chat.chatId) : undefined}
        isOpen={item?.kind === 'chat' && item.chat.chatId === openId}
        onClick={(event) => {
          setActive(index);
          if (item?.kind === 'chat' && (isSelecting.value || (desk.rights.maySend && (event.ctrlKey || event.metaKey || event.shiftKey)))) {
            event.shiftKey ? select(between(active, index)) : toggle(item.chat);
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
      <div id="list-scroll" ref={scroller} onScroll={measure}>
        <ul id="list" role="listbox" aria-label="Chats" tabIndex={0} aria-multiselectable={isSelecting.value} aria-busy={source.isLoading.value} style={{ height: `${items.top(items.count)}px` }}
          aria-activedescendant={active >= first && active < last ? `row-${active}` : undefined} onKeyDown={press}>
          {rows}
        </ul>
        <p id="list-note" class="quiet" role="status">{note(items.count, source.isLoading.value || (isSearch && !desk.search.isComplete.value), isSearch)}</p>
      </div>
    </>
  );
}

function note(count: number, isLoading: boolean, isSearch: boolean): string {
  return isLoading ? 'Loading…' : count > 0 ? '' : isSearch ? 'Nothing found.' : 'No chats here.';
}

function Row(props: { item?: Item; index: number; count: number; top: number; isActive: boolean; isOpen: boolean; isSelected?: boolean; onClick: (event: MouseEvent) => void }) {
  const { item, index } = props;
  const style = { transform: `translateY(${props.top}px)` };
  if (item?.kind === 'heading') {
    return <li role="presentation" class="heading" style={style}>{item.text}</li>;
  }
  return (
    <li role="option" id={`row-${index}`} class={`row ${props.isActive ? 'active' : ''} ${item ? '' : 'blank'}`} style={style} data-chat={item?.chat.chatId}
      aria-selected={props.isSelected ?? props.isOpen} aria-setsize={props.count} aria-posinset={index + 1} onClick={props.onClick}>
      {props.isSelected !== undefined && <span class={`tick-box ${props.isSelected ? 'on' : ''}`}>{props.isSelected && <Icon name="check" />}</span>}
      {item?.kind === 'chat' ? <ChatRow chat={item.chat} /> : item ? <HitRow found={item.found} /> : <Hidden>Loading…</Hidden>}
    </li>
  );
}

/** The selected row. When its chat leaves the list, the one at its position is selected. */
function useActive(items: Items): [number, (index: number) => void] {
  const [chosen, choose] = useState({ index: 0, key: '' });
  const isThere = items.get(chosen.index)?.key === chosen.key;
  const found = isThere ? chosen.index : items.indexOf(chosen.key);
  const rough = Math.max(0, Math.min(chosen.index, items.count - 1));
  const index = found >= 0 ? found : rough + Number(items.isHeading(rough));
  const key = items.get(index)?.key ?? '';
  useEffect(() => {
    // A row that was selected before it was loaded.
    if (chosen.key === '' && chosen.index > 0 && key !== '') {
      choose({ index, key });
    }
  }, [chosen, index, key]);
  return [index, (next) => choose({ index: next, key: items.get(next)?.key ?? '' })];
}
