// What the user has chosen for this page.
import { signal } from '@preact/signals';

/** Whether single letters are shortcuts: speech input types stray letters. */
export const hasLetters = signal(true);
/** Whether opening a chat marks it as read. */
export const marksRead = signal(true);
/** Whether the panel with details is open beside the chat. */
export const hasPanel = signal(!isDrawer());
export const isHelpOpen = signal(false);

/** Whether the panel covers the conversation, as in the style sheet. */
export function isDrawer(): boolean {
  return matchMedia('(max-width: 80rem)').matches;
}
