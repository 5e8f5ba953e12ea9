// What the page does, whether it is asked by a button, a key, or a change elsewhere.
import { Actions } from './actions';
import { type Api, type Chat, digits, isFinal } from './api';
import { Changes } from './changes';
import { ChatView } from './chat-view';
import { Choices } from './choices';
import { EVERYTHING, type Filter, type View } from './filter';
import { Inbox } from './inbox';
import { ListView } from './list-view';
import { dismiss, showConnected, showRefused, tell, tellFailure } from './notice';
import { isField, part } from './page';
import type { SignedIn } from './sign-in';
import { Watch } from './watch';

export class App {
  readonly actions: Actions;
  private readonly api: Api;
  private readonly email: string;
  private readonly choices: Choices;
  private readonly changes: Changes;
  private readonly inbox: Inbox;
  private readonly list: ListView;
  private readonly chat: ChatView;

  constructor({ api, sessions, email }: SignedIn) {
    const changed = (chatId: string) => this.changes.received(chatId);
    this.api = api;
    this.email = email;
    this.choices = new Choices(sessions, email);
    this.changes = new Changes({
      one: (chatId) => this.refetch(chatId),
      all: () => this.refetchAll(),
      failed: (error) => {
        tellFailure(error);
        return !isFinal(error);
      },
    });
    this.actions = new Actions(api, changed, tellFailure);
    this.inbox = new Inbox(api, email, () => this.listChanged());
    this.chat = new ChatView(api, this.actions);
    this.list = new ListView(this.inbox, (chat) => this.open(chat), () => this.chat.open?.chatId);
  }

  /** Shows the list, and from now on what others change. */
  async start(): Promise<void> {
    const watch = new Watch(this.api, {
      changed: (chatId) => this.changes.received(chatId),
      missed: () => this.changes.missed(),
      connected: showConnected,
      refused: showRefused,
    });
    this.list.focus();
    void this.choices.load(this.api);
    // First, so that no change falls between reading the list and being told.
    await watch.start();
    this.show(EVERYTHING);
  }

  /** Changes what is listed; what is not named stays as it is. */
  show(change: Partial<Filter>): void {
    const filter = { ...this.inbox.filter, ...change };
    for (const button of document.querySelectorAll<HTMLElement>('#filters [data-view]')) {
      button.setAttribute('aria-pressed', String(button.dataset.view === filter.view));
    }
    void this.inbox.show(filter).catch(tellFailure);
  }

  showView(view: View): void {
    if (view === 'mine' && this.email === '') {
      tell('sign in with your email to see the chats assigned to you');
    } else {
      this.show({ view });
    }
  }

  more(): void {
    void this.inbox.more().catch(tellFailure);
  }

  open(chat: Chat): void {
    void this.chat.show(chat).catch(tellFailure);
    this.list.show();
  }

  /** Goes back to the list, to the row of the chat that was open. */
  close(): void {
    const closed = this.chat.open;
    this.chat.close();
    this.list.show();
    if (closed) {
      this.list.choose(closed.chatId);
    }
    this.list.focus();
  }

  focusList(): void {
    this.list.focus();
  }

  /** Goes one step back: out of a field, out of the chat. */
  escape(): void {
    const search = part<HTMLInputElement>('search');
    dismiss();
    if (document.activeElement === search) {
      if (search.value !== '') {
        search.value = '';
        this.show({ search: '' });
      }
      this.list.focus();
    } else if (this.chat.open && isField(document.activeElement)) {
      part('messages').focus();
    } else if (this.chat.open) {
      this.close();
    } else {
      this.list.focus();
    }
  }

  /** Does something with the open chat. */
  withOpen(act: (chat: Chat) => void): void {
    if (this.chat.open) {
      act(this.chat.open);
    }
  }

  /** Does something with the chat that a key is about: in the list the chosen one, elsewhere the open one. */
  withMeant(act: (chat: Chat) => void): void {
    const chat = this.list.hasFocus ? this.list.chosen : (this.chat.open ?? this.list.chosen);
    if (chat) {
      act(chat);
    }
  }

  /** Opens the chat that is meant, unless it is open, and goes to one of its fields. */
  toField(id: string): void {
    this.withMeant((chat) => {
      if (this.chat.open?.chatId !== chat.chatId) {
        this.open(chat);
      }
      part(id).focus();
    });
  }

  private listChanged(): void {
    this.list.show();
    this.choices.learn(this.inbox.shown());
  }

  private async refetch(chatId: string): Promise<void> {
    const { filter } = this.inbox;
    const isOpen = this.chat.open?.chatId === chatId;
    if (filter.search !== '' && !this.inbox.find(chatId) && !isOpen) {
      // A search is not done again for each change.
      return;
    }
    const chat = await this.api.findChat(chatId, filter.phone);
    if (filter === this.inbox.filter) {
      if (chat?.chatId !== chatId) {
        // It is gone, or part of another one.
        this.inbox.drop(chatId);
      }
      if (chat) {
        this.inbox.put(chat);
      }
    }
    if (isOpen) {
      await this.refreshOpen(chat);
    }
  }

  private async refetchAll(): Promise<void> {
    await this.inbox.reload();
    await this.refreshOpen();
  }

  /** Shows the open chat as it is now, through the number it was opened with; it may just have been read. */
  private async refreshOpen(read?: Chat): Promise<void> {
    const { open } = this.chat;
    if (!open) {
      return;
    }
    const { chatId, orgPhone } = open;
    const isRead = read?.chatId === chatId && read.orgPhone === orgPhone;
    const seen = isRead ? read : await this.api.findChat(chatId, digits(orgPhone));
    if (this.chat.open?.chatId !== chatId) {
      return;
    }
    if (seen) {
      await this.chat.refresh(seen);
    } else {
      this.close();
    }
  }
}
