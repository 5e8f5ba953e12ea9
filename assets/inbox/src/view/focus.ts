// Focus for a field that the page is about to show.
import { signal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

/** The id of the field that gets the focus as soon as it is there. */
export const wantedFocus = signal('');

/** Makes a field take the focus that is meant for it. */
export function useFocus<T extends HTMLElement>(id: string): RefObject<T | null> {
  const field = useRef<T>(null);
  useLayoutEffect(() => {
    if (wantedFocus.value === id) {
      wantedFocus.value = '';
      field.current?.focus();
    }
  }, [wantedFocus.value]);
  return field;
}
