// Several chats of the list that are changed together.
import { signal } from '@preact/signals';
import type { Chat } from '../api';

/** Whether a click on a row selects it instead of opening it. */
export const isSelecting = signal(false);
export const selected = signal<ReadonlyMap<string, Chat>>(new Map());

export function toggle(chat: Chat): void {
  const next = new Map(selected.value);
  if (!next.delete(chat.chatId)) {
    next.set(chat.chatId, chat);
  }
  selected.value = next;
  isSelecting.value = next.size > 0;
}

/** Adds chats to the selection. */
export function select(chats: readonly Chat[]): void {
  selected.value = new Map([...selected.value, ...chats.map((chat) => [chat.chatId, chat] as const)]);
  isSelecting.value = selected.value.size > 0;
}

export function endSelection(): void {
  selected.value = new Map();
  isSelecting.value = false;
}
