// The page: sign in, then the list of chats beside the open one.
import { Actions } from './actions';
import { type Chat, digits, isNotFound } from './api';
import { Changes } from './changes';
import { ChatView } from './chat-view';
import { Choices } from './choices';
import { EVERYTHING, type Filter, type View } from './filter';
import { Inbox } from './inbox';
import { listenTo, showHelp } from './keys';
import { ListView } from './list-view';
import { dismiss, tell, tellFailure } from './notice';
import { isField, part } from './page';
import { isSame, Poll } from './poll';
import { onSignIn, type SignedIn } from './sign-in';

const SEARCH_PAUSE_MS = 250;

onSignIn(start);

function start({ api, sessions, email }: SignedIn): void {
  const choices = new Choices(sessions, email);
  const changes = new Changes(refetch);
  const actions = new Actions(api, (chatId) => changes.received(chatId), tellFailure);
  const chatView = new ChatView(api, actions);
  const inbox = new Inbox(api, email, () => {
    listView.show();
    choices.learn(inbox.shown());
  });
  const listView = new ListView(inbox, open, () => chatView.open?.chatId);

  /** Reads a chat again: the open one through the number it was opened with. */
  async function refetch(chatId: string): Promise<void> {
    const { filter } = inbox;
    const isOpen = () => chatView.open?.chatId === chatId;
    try {
      const chat = await api.getChat(chatId, filter.phone);
      if (filter === inbox.filter) {
        inbox.put(chat);
      }
      if (chatView.open && isOpen()) {
        const through = digits(chatView.open.orgPhone);
        const seen = chat.orgPhone === chatView.open.orgPhone ? chat : await api.getChat(chatId, through);
        if (isOpen() && !isSame(chatView.open, seen)) {
          await chatView.refresh(seen);
        }
      }
    } catch (error) {
      if (!isNotFound(error)) {
        tellFailure(error);
        return;
      }
      inbox.drop(chatId);
      if (isOpen()) {
        close();
      }
    }
  }

  function open(chat: Chat): void {
    void chatView.show(chat).catch(tellFailure);
    listView.show();
  }

  function close(): void {
    const closed = chatView.open;
    chatView.close();
    listView.show();
    if (closed) {
      listView.choose(closed.chatId);
    }
    listView.focus();
  }

  function show(change: Partial<Filter>): void {
    const filter = { ...inbox.filter, ...change };
    for (const button of document.querySelectorAll<HTMLElement>('#filters [data-view]')) {
      button.setAttribute('aria-pressed', String(button.dataset.view === filter.view));
    }
    void inbox.show(filter).catch(tellFailure);
  }

  function showView(view: View): void {
    if (view === 'mine' && email === '') {
      tell('sign in with your email to see the chats assigned to you');
    } else {
      show({ view });
    }
  }

  /** The chat that a shortcut is about: in the list the chosen one, elsewhere the open one. */
  function meant(): Chat | undefined {
    return listView.hasFocus ? listView.chosen : (chatView.open ?? listView.chosen);
  }

  function withMeant(act: (chat: Chat) => unknown): () => void {
    return () => {
      const chat = meant();
      if (chat) {
        act(chat);
      }
    };
  }

  /** Opens the chat that is meant, unless it is open, and goes to one of its fields. */
  function toField(id: string): () => void {
    return withMeant((chat) => {
      if (chatView.open?.chatId !== chat.chatId) {
        open(chat);
      }
      part(id).focus();
    });
  }

  function escape(): void {
    const search = part<HTMLInputElement>('search');
    dismiss();
    if (document.activeElement === search) {
      if (search.value !== '') {
        search.value = '';
        show({ search: '' });
      }
      listView.focus();
    } else if (chatView.open && isField(document.activeElement)) {
      part('messages').focus();
    } else if (chatView.open) {
      close();
    } else {
      listView.focus();
    }
  }

  let pause: number | undefined;
  part<HTMLInputElement>('search').addEventListener('input', (event) => {
    const search = (event.target as HTMLInputElement).value.trim();
    clearTimeout(pause);
    pause = setTimeout(() => show({ search }), SEARCH_PAUSE_MS);
  });
  part('search').addEventListener('keydown', ({ key }) => {
    if (key === 'Enter' || key === 'ArrowDown') {
      listView.focus();
    }
  });
  part('filters').addEventListener('click', (event) => {
    const view = (event.target as HTMLElement).dataset.view;
    if (view) {
      showView(view as View);
    }
  });
  part<HTMLSelectElement>('label-filter').addEventListener('change', (event) => {
    show({ label: (event.target as HTMLSelectElement).value });
  });
  part<HTMLSelectElement>('number').addEventListener('change', (event) => {
    show({ phone: (event.target as HTMLSelectElement).value });
  });
  part('more').addEventListener('click', () => void inbox.more().catch(tellFailure));
  part('back').addEventListener('click', close);
  part('help-button').addEventListener('click', showHelp);
  // A page that is loaded anew remembers nothing.
  part('sign-out').addEventListener('click', () => location.reload());
  for (const [id, act] of [
    ['archive', (chat: Chat) => actions.toggleArchived(chat)],
    ['pin', (chat: Chat) => actions.togglePinned(chat)],
    ['mute', (chat: Chat) => actions.toggleMuted(chat)],
    ['read', (chat: Chat) => actions.toggleRead(chat)],
  ] as const) {
    part(id).addEventListener('click', () => chatView.open && void act(chatView.open));
  }
  listenTo([
    { key: 'Escape', does: 'leave a field, close the chat, empty the search', run: escape },
    { key: '/', does: 'search', run: () => part('search').focus() },
    { key: 'e', does: 'archive the chat, or take it out of the archive', run: withMeant((chat) => actions.toggleArchived(chat)) },
    { key: 'p', does: 'pin, unpin', run: withMeant((chat) => actions.togglePinned(chat)) },
    { key: 'm', does: 'mute for 8 hours, unmute', run: withMeant((chat) => actions.toggleMuted(chat)) },
    { key: 'r', does: 'mark read, unread', run: withMeant((chat) => actions.toggleRead(chat)) },
    { key: 'a', does: 'assign', run: toField('assignee') },
    { key: 'l', does: 'add a label', run: toField('label') },
    { key: '1', does: 'show all chats', run: () => showView('all') },
    { key: '2', does: 'show unread chats', run: () => showView('unread') },
    { key: '3', does: 'show chats assigned to me', run: () => showView('mine') },
    { key: '4', does: 'show archived chats', run: () => showView('archived') },
    { key: '?', does: 'show these shortcuts', run: showHelp },
  ]);

  const poll = new Poll(api, (chatId) => changes.received(chatId), tellFailure);
  poll.start(() => ({ phone: inbox.filter.phone, open: chatView.open?.chatId }));
  void choices.load(api);
  show(EVERYTHING);
  listView.focus();
}
