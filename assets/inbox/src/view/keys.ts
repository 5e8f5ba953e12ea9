// Keyboard shortcuts.
import type { Chat } from '../api';
import type { Desk } from '../model/desk';
import { dismiss, notice, notify } from '../model/notices';
import { go, route, type View } from '../model/route';
import { endSelection, isSelecting, toggle } from '../model/selection';
import { hasLetters, hasPanel, isDrawer, isHelpOpen } from '../model/settings';
import { wantedFocus } from './focus';

export interface Shortcut {
  key: string;
  does: string;
  run: () => void;
}

export function listen(desk: Desk): () => void {
  const known = shortcuts(desk);
  const press = (event: KeyboardEvent) => {
    const shortcut = known.find(({ key }) => key === event.key);
    if (shortcut && isMeant(event)) {
      event.preventDefault();
      shortcut.run();
    }
  };
  document.addEventListener('keydown', press);
  return () => document.removeEventListener('keydown', press);
}

export function shortcuts(desk: Desk): Shortcut[] {
  const { actions } = desk;
  const onChat = (act: (chat: Chat) => Promise<void>) => () => withMeant(desk, (chat) => void act(chat));
  return [
    { key: 'Escape', does: 'leave a field, close the chat, empty the search', run: () => escape(desk) },
    { key: '/', does: 'search', run: () => focus('search') },
    { key: 'c', does: 'write a message', run: () => toField(desk, 'compose') },
    { key: 'e', does: 'archive the chat, or take it out of the archive', run: onChat((chat) => actions.toggleArchived(chat)) },
    { key: 'd', does: 'close the chat: done; or reopen it', run: onChat((chat) => actions.toggleClosed(chat)) },
    { key: 'p', does: 'pin, unpin', run: onChat((chat) => actions.togglePinned(chat)) },
    { key: 'm', does: 'mute for 8 hours, unmute', run: onChat((chat) => actions.toggleMuted(chat)) },
    { key: 'r', does: 'mark read, unread', run: onChat((chat) => desk.toggleRead(chat)) },
    { key: 'a', does: 'assign', run: () => toField(desk, 'assignee') },
    { key: 'l', does: 'add a label', run: () => toField(desk, 'label') },
    { key: 'n', does: 'write a note for the team', run: () => toField(desk, 'note') },
    { key: 'x', does: 'select the chat, to change several together', run: () => withMeant(desk, toggle) },
    { key: 'i', does: 'show or hide the details', run: () => (hasPanel.value = !hasPanel.value) },
    { key: 'z', does: 'undo', run: undo },
    { key: '1', does: 'show all chats', run: () => showView(desk, 'all') },
    { key: '2', does: 'show unread chats', run: () => showView(desk, 'unread') },
    { key: '3', does: 'show chats assigned to me', run: () => showView(desk, 'mine') },
    { key: '4', does: 'show chats assigned to nobody', run: () => showView(desk, 'unassigned') },
    { key: '5', does: 'show closed chats', run: () => showView(desk, 'closed') },
    { key: '6', does: 'show archived chats', run: () => showView(desk, 'archived') },
    { key: '?', does: 'show these shortcuts', run: () => (isHelpOpen.value = true) },
  ];
}

export function showView(desk: Desk, view: View): void {
  if (view === 'mine' && desk.account.email === '') {
    notify('Sign in with your email to see the chats assigned to you');
  } else {
    go({ view, agent: view === 'mine' || view === 'unassigned' ? '' : route.value.agent });
  }
}

export function focus(id: string): void {
  document.getElementById(id)?.focus();
}

/** Whether keyboard input goes into a field. */
export function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input:not([type=checkbox]), select, textarea');
}

function isMeant(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) {
    return false;
  }
  return event.key === 'Escape' || (hasLetters.value && !isField(event.target));
}

/** Goes one step back: leaves a field, then the chat. */
function escape(desk: Desk): void {
  const isSearch = document.activeElement?.id === 'search';
  dismiss();
  if (isSearch) {
    if (route.value.search !== '') {
      go({ search: '' });
    }
    focus('list');
  } else if (isSelecting.value) {
    endSelection();
  } else if (desk.conversation.chat.value && hasPanel.value && isDrawer()) {
    hasPanel.value = false;
    focus('messages');
  } else if (desk.conversation.chat.value && isField(document.activeElement)) {
    focus('messages');
  } else {
    if (route.value.chatId !== '') {
      desk.close();
    }
    focus('list');
  }
}

function undo(): void {
  const take = notice.value?.undo;
  dismiss();
  take?.();
}

/** Runs an action on the selected chat of the list or else on the open chat. */
function withMeant(desk: Desk, act: (chat: Chat) => void): void {
  const open = desk.conversation.chat.value;
  const isInList = document.activeElement?.id === 'list';
  const chat = isInList ? desk.chosen.value : (open ?? desk.chosen.value);
  if (chat) {
    act(chat);
  }
}

/** Opens the selected chat unless it is open, and focuses one of its fields. */
function toField(desk: Desk, id: string): void {
  withMeant(desk, (chat) => {
    if (desk.conversation.chat.value?.chatId !== chat.chatId) {
      desk.open(chat);
    }
    hasPanel.value ||= id !== 'compose';
    wantedFocus.value = id;
  });
}
