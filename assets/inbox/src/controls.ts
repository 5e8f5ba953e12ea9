// Connects buttons, fields and keys with actions.
import type { Chat } from './api';
import type { App } from './app';
import type { View } from './filter';
import { listenTo, showHelp, type Shortcut } from './keys';
import { part } from './page';

const SEARCH_PAUSE_MS = 250;

export function connectControls(app: App): void {
  connectSearch(app);
  connectFilters(app);
  connectButtons(app);
  listenTo(shortcuts(app));
}

function connectSearch(app: App): void {
  const field = part<HTMLInputElement>('search');
  let pause: number | undefined;
  field.addEventListener('input', () => {
    clearTimeout(pause);
    pause = setTimeout(() => app.show({ search: field.value.trim() }), SEARCH_PAUSE_MS);
  });
  field.addEventListener('keydown', ({ key }) => {
    if (key === 'Enter' || key === 'ArrowDown') {
      app.focusList();
    }
  });
}

function connectFilters(app: App): void {
  const label = part<HTMLSelectElement>('label-filter');
  const number = part<HTMLSelectElement>('number');
  label.addEventListener('change', () => app.show({ label: label.value }));
  number.addEventListener('change', () => app.show({ phone: number.value }));
  for (const button of document.querySelectorAll<HTMLElement>('#filters [data-view]')) {
    button.addEventListener('click', () => app.showView(button.dataset.view as View));
  }
}

function connectButtons(app: App): void {
  const { actions } = app;
  const onClick = (id: string, run: () => void) => part(id).addEventListener('click', run);
  const onChat = (id: string, act: (chat: Chat) => Promise<void>) =>
    onClick(id, () => app.withOpen((chat) => void act(chat)));
  onChat('archive', (chat) => actions.toggleArchived(chat));
  onChat('pin', (chat) => actions.togglePinned(chat));
  onChat('mute', (chat) => actions.toggleMuted(chat));
  onChat('read', (chat) => actions.toggleRead(chat));
  onClick('more', () => app.more());
  onClick('back', () => app.close());
  onClick('help-button', showHelp);
  // A reloaded page starts with empty fields.
  onClick('sign-out', () => location.reload());
}

function shortcuts(app: App): Shortcut[] {
  const { actions } = app;
  const onChat = (act: (chat: Chat) => Promise<void>) => () => app.withMeant((chat) => void act(chat));
  return [
    { key: 'Escape', does: 'leave a field, close the chat, empty the search', run: () => app.escape() },
    { key: '/', does: 'search', run: () => part('search').focus() },
    { key: 'e', does: 'archive the chat, or take it out of the archive', run: onChat((chat) => actions.toggleArchived(chat)) },
    { key: 'p', does: 'pin, unpin', run: onChat((chat) => actions.togglePinned(chat)) },
    { key: 'm', does: 'mute for 8 hours, unmute', run: onChat((chat) => actions.toggleMuted(chat)) },
    { key: 'r', does: 'mark read, unread', run: onChat((chat) => actions.toggleRead(chat)) },
    { key: 'a', does: 'assign', run: () => app.toField('assignee') },
    { key: 'l', does: 'add a label', run: () => app.toField('label') },
    { key: '1', does: 'show all chats', run: () => app.showView('all') },
    { key: '2', does: 'show unread chats', run: () => app.showView('unread') },
    { key: '3', does: 'show chats assigned to me', run: () => app.showView('mine') },
    { key: '4', does: 'show archived chats', run: () => app.showView('archived') },
    { key: '?', does: 'show these shortcuts', run: showHelp },
  ];
}
