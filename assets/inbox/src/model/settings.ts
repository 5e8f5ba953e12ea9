// What the user has chosen for this page.
import { effect, signal } from '@preact/signals';
import { keep, readKept } from './kept';

/** Whether single letters are shortcuts: speech input types stray letters. */
export const hasLetters = signal(true);
/** Whether opening a chat marks it as read. */
export const marksRead = signal(true);
export const isHelpOpen = signal(false);

/** Takes the settings from the tab's storage, and keeps them there from now on. */
export function keepSettings(): void {
  const kept = readKept('settings') as { hasLetters?: boolean; marksRead?: boolean } | null;
  hasLetters.value = kept?.hasLetters ?? hasLetters.peek();
  marksRead.value = kept?.marksRead ?? marksRead.peek();
  effect(() => {
    keep('settings', () => ({ hasLetters: hasLetters.value, marksRead: marksRead.value }));
  });
}
