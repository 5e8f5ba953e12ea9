// What the page does in response to buttons, keys and changes by others.
import { Actions } from './actions';
import { type Api, type Chat, digits, isFinal } from './api';
import { Changes } from './changes';
import { ChatView } from './chat-view';
import { Choices } from './choices';
import { EVERYTHING, type Filter, type View } from './filter';
import { Inbox } from './inbox';
import { ListView } from './list-view';
import { dismiss, notify, showConnected, showFailure, showRefused } from './notice';
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
        showFailure(error);
        return !isFinal(error);
      },
    });
    this.actions = new Actions(api, changed, showFailure);
    this.inbox = new Inbox(api, email, () => this.listChanged());
    this.chat = new ChatView(api, this.actions);
    this.list = new ListView(this.inbox, (chat) => this.open(chat), () => this.chat.open?.chatId);
  }

  /** Shows the list and starts watching for changes by others. */
  async start(): Promise<void> {
    const watch = new Watch(this.api, {
      changed: (chatId) => this.changes.received(chatId),
      missed: () => this.changes.missed(),
      connected: showConnected,
      refused: showRefused,
    });
    this.list.focus();
    void this.choices.load(this.api);
    // First, so that no change is missed between loading the list and the watch.
    await watch.start();
    this.show(EVERYTHING);
  }

  /** Changes the given parts of the filter. */
  show(change: Partial<Filter>): void {
    const filter = { ...this.inbox.filter, ...change };
    for (const button of document.querySelectorAll<HTMLElement>('#filters [data-view]')) {
      button.setAttribute('aria-pressed', String(button.dataset.view === filter.view));
    }
    void this.inbox.show(filter).catch(showFailure);
  }

  showView(view: View): void {
    if (view === 'mine' && this.email === '') {
      notify('sign in with your email to see the chats assigned to you');
    } else {
      this.show({ view });
    }
  }

  more(): void {
    void this.inbox.more().catch(showFailure);
  }

  open(chat: Chat): void {
    void this.chat.show(chat).catch(showFailure);
    this.list.show();
  }

  /** Returns to the list and focuses the row of the chat that was open. */
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

  /** Goes one step back: leaves a field, then the chat. */
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

  /** Runs an action on the open chat. */
  withOpen(act: (chat: Chat) => void): void {
    if (this.chat.open) {
      act(this.chat.open);
    }
  }

  /** Runs an action on the selected chat of the list or else on the open chat. */
  withMeant(act: (chat: Chat) => void): void {
    const chat = this.list.hasFocus ? this.list.chosen : (this.chat.open ?? this.list.chosen);
    if (chat) {
      act(chat);
    }
  }

  /** Opens the selected chat unless it is open, and focuses one of its fields. */
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
      // A search is not repeated for each change.
      return;
    }
    const chat = await this.api.findChat(chatId, filter.phone);
    if (filter === this.inbox.filter) {
      if (chat?.chatId !== chatId) {
        // The chat was deleted or joined with another one.
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

  /** Reloads the open chat for the phone number it was opened with. */
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
