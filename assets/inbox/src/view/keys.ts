// Keyboard shortcuts.
import type { Chat } from '../api';
import type { Desk } from '../model/desk';
import { hasDetails, isDrawer, showDetails } from '../model/details';
import { dismiss, notice, notify } from '../model/notices';
import { go, route, type View } from '../model/route';
import { endSelection, isSelecting, toggle } from '../model/selection';
import { hasLetters, isHelpOpen } from '../model/settings';
import { chatKey } from '../phones';
import { wantedFocus } from './focus';

export interface Shortcut {
  key: string;
  does: string;
  run: () => void;
  /** Whether it changes chats, which not everyone may. */
  isChange?: boolean;
}

export function listen(desk: Desk): () => void {
  const known = shortcuts(desk);
  const press = (event: KeyboardEvent) => {
    const shortcut = known.find(({ key }) => key === event.key);
    if (shortcut && isMeant(event)) {
      event.preventDefault();
      if (!shortcut.isChange || desk.rights.require()) {
        shortcut.run();
      }
    }
  };
  document.addEventListener('keydown', press);
  return () => document.removeEventListener('keydown', press);
}

export function shortcuts(desk: Desk): Shortcut[] {
  const { actions } = desk;
  const onChat = (key: string, does: string, act: (chat: Chat) => Promise<void>): Shortcut => ({
    key, does, run: () => withMeant(desk, (chat) => void act(chat)), isChange: true,
  });
  const toWrite = (key: string, does: string, id: string): Shortcut => ({ key, does, run: () => toField(desk, id), isChange: true });
  return [
    { key: 'Escape', does: 'leave a field, close the chat, empty the search', run: () => escape(desk) },
    { key: '/', does: 'search', run: () => focus('search') },
    toWrite('c', 'write a message', 'compose'),
    onChat('e', 'archive the chat, or take it out of the archive', (chat) => actions.toggleArchived(chat)),
    onChat('d', 'close the chat: done; or reopen it', (chat) => actions.toggleClosed(chat)),
    onChat('p', 'pin, unpin', (chat) => actions.togglePinned(chat)),
    onChat('m', 'mute for 8 hours, unmute', (chat) => actions.toggleMuted(chat)),
    onChat('r', 'mark read, unread', (chat) => desk.toggleRead(chat)),
    toWrite('a', 'assign', 'assignee'),
    toWrite('l', 'add a label', 'label'),
    toWrite('n', 'write a note for the team', 'note'),
    { key: 'x', does: 'select the chat, to change several together', run: () => withMeant(desk, toggle), isChange: true },
    { key: 'i', does: 'show or hide the details', run: () => showDetails(!hasDetails.value) },
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
  } else if (desk.conversation.chat.value && hasDetails.value && isDrawer()) {
    showDetails(false);
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
    const open = desk.conversation.chat.value;
    if (!open || chatKey(open) !== chatKey(chat)) {
      desk.open(chat);
    }
    if (id !== 'compose' && !hasDetails.value) {
      showDetails(true);
    }
    wantedFocus.value = id;
  });
}
