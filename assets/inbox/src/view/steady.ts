// Keeps the visible rows where they are while rows before them come, go, or are loaded.
import { type RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Items } from './items';

/** Calls `moved` after it has scrolled. At its start, the list shows what comes in. */
export function useSteady(scroller: RefObject<HTMLElement | null>, items: Items, moved: () => void): void {
  const shown = useRef({ items, tops: new Map<string, number>() });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) {
      return;
    }
    if (items !== shown.current.items && element.scrollTop > 0) {
      const move = moveOf(shown.current.tops, items);
      if (move !== 0) {
        element.scrollTop += move;
        moved();
      }
    }
    shown.current = { items, tops: topsOf(items, element) };
  });
}

/** How far the rows have moved: the shortest way of one, because a single row may have moved to another place. */
function moveOf(tops: ReadonlyMap<string, number>, items: Items): number {
  let shortest: number | undefined;
  tops.forEach((top, key) => {
    const index = items.indexOf(key);
    const move = items.top(index) - top;
    if (index >= 0 && (shortest === undefined || Math.abs(move) < Math.abs(shortest))) {
      shortest = move;
    }
  });
  return shortest ?? 0;
}

/** The visible rows by key, with their distances from the top. */
function topsOf(items: Items, { scrollTop, clientHeight }: HTMLElement): Map<string, number> {
  const tops = new Map<string, number>();
  for (let index = items.at(scrollTop); index < items.count && items.top(index) < scrollTop + clientHeight; index += 1) {
    const key = items.get(index)?.key;
    if (key !== undefined) {
      tops.set(key, items.top(index));
    }
  }
  return tops;
}
