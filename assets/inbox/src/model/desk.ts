// The page of a signed-in user: the list, the search, the open chat, and the changes by others that reach them.
import { effect, signal, untracked } from '@preact/signals';
import type { Api, Chat, ChatMessage } from '../api';
import { isFinal } from '../errors';
import { digits } from '../phones';
import { unread } from '../texts';
import type { Account } from './account';
import { Actions } from './actions';
import { Changes } from './changes';
import { ChatList } from './chats';
import { Choices } from './choices';
import { Conversation } from './conversation';
import { Counts } from './counts';
import { showConnected, showFailure, showRefused } from './notices';
import { Notes } from './notes';
import { Numbers } from './numbers';
import { Rights } from './rights';
import { filter, go, route } from './route';
import { Search } from './search';
import { Sender } from './sender';
import { marksRead } from './settings';
import { Watch } from './watch';

export class Desk {
  readonly api: Api;
  readonly list: ChatList;
  readonly counts: Counts;
  readonly search: Search;
  readonly conversation: Conversation;
  readonly choices: Choices;
  readonly actions: Actions;
  readonly notes: Notes;
  readonly numbers: Numbers;
  readonly rights: Rights;
  readonly sender: Sender;
  /** The chat of the selected row of the list. */
  readonly chosen = signal<Chat | undefined>(undefined);
  private readonly changes: Changes;
  /** The unread count of the open chat that is not to be marked as read. */
  private settled = 0;
  private isInterrupted = false;

  constructor(readonly account: Account) {
    const { api, caller, email } = account;
    this.api = api;
    this.list = new ChatList(api, email);
    this.counts = new Counts(api, email);
    this.search = new Search(api);
    this.conversation = new Conversation(api);
    this.choices = new Choices(email);
    this.changes = new Changes({
      one: (chatId) => this.refetch(chatId),
      all: () => this.refetchAll(),
      failed: (error) => {
        showFailure(error);
        return !isFinal(error);
      },
    });
    this.actions = new Actions(api, (chatId) => this.changes.received(chatId));
    this.notes = new Notes(api);
    this.rights = new Rights(api, caller);
    this.numbers = new Numbers(api, this.rights);
    this.sender = new Sender(api, this.numbers, this.rights, (chatId) => this.changes.received(chatId));
  }

  /** Follows the address and changes by others. */
  async start(): Promise<void> {
    const watch = new Watch(this.api, {
      changed: (chatId, message) => this.changed(chatId, message),
      noted: (chatId) => this.notes.reload(chatId),
      missed: () => {
        this.changes.missed();
        this.notes.reload();
      },
      connected: (isConnected) => this.connected(isConnected),
      refused: showRefused,
    });
    void this.choices.load(this.api);
    this.numbers.start();
    effect(() => {
      const rows = this.list.rows.value;
      untracked(() => this.choices.learn([...rows.pinned, ...rows.chats]));
    });
    effect(() => this.sender.stored(this.conversation.messages.value));
    effect(() => {
      const chat = this.conversation.chat.value;
      untracked(() => {
        this.markRead(chat);
        this.notes.show(chat);
      });
    });
    document.addEventListener('visibilitychange', () => this.markRead(this.conversation.chat.value));
    // First, so that no change is missed between loading the list and the watch.
    await watch.start();
    effect(() => this.followFilter());
    effect(() => this.followChat());
  }

  /** Marks the chat as read or unread, and leaves it so while it is open. */
  async toggleRead(chat: Chat): Promise<void> {
    this.settled = Infinity;
    await this.actions.toggleRead(chat);
  }

  open(chat: Chat, message = ''): void {
    go({ chatId: chat.chatId, through: digits(chat.orgPhone), message });
  }

  close(): void {
    go({ chatId: '', through: '' });
  }

  private followFilter(): void {
    const wanted = filter.value;
    untracked(() => {
      void this.counts.refresh();
      const shown = wanted.search === '' ? this.list.show(wanted) : this.search.start(wanted);
      void shown.catch(showFailure);
    });
  }

  private followChat(): void {
    const { chatId, through, message } = route.value;
    untracked(() => {
      const { chat } = this.conversation;
      const isOpen = chat.value?.chatId === chatId && digits(chat.value.orgPhone) === through;
      if (chatId === '') {
        this.conversation.close();
      } else if (!isOpen || message !== '') {
        this.settled = 0;
        const listed = this.list.find(chatId);
        const isListed = listed && digits(listed.orgPhone) === through;
        void this.conversation.open(chatId, through, message, isListed ? listed : undefined).catch(showFailure);
      }
    });
  }

  private markRead(chat: Chat | undefined): void {
    if (chat && this.rights.maySend && marksRead.peek() && document.visibilityState === 'visible' && unread(chat) > this.settled) {
      this.settled = unread(chat);
      // The count starts anew once it is read.
      void this.actions.opened(chat).then((isDone) => (this.settled = isDone ? 0 : Infinity));
    }
  }

  private connected(isConnected: boolean): void {
    showConnected(isConnected);
    if (isConnected && this.isInterrupted) {
      // A change of the user's role ends the watch.
      this.rights.refresh();
    }
    this.isInterrupted = !isConnected;
  }

  private changed(chatId: string, message?: ChatMessage): void {
    if (message && this.conversation.chat.peek()?.chatId === chatId) {
      this.conversation.put(message);
    }
    this.changes.received(chatId);
  }

  private async refetch(chatId: string): Promise<void> {
    this.counts.changed();
    const asked = filter.peek();
    const isOpen = this.conversation.chat.peek()?.chatId === chatId;
    const chat = await this.api.findChat(chatId, asked.number);
    if (asked === filter.peek()) {
      if (chat?.chatId !== chatId) {
        // The chat was deleted or joined with another one.
        this.list.drop(chatId);
      }
      if (chat) {
        this.list.put(chat);
        this.search.put(chat);
      }
    }
    if (isOpen) {
      await this.refreshOpen(chat);
    }
  }

  private async refetchAll(): Promise<void> {
    this.counts.changed();
    await this.list.reload();
    await this.refreshOpen();
  }

  /** Reloads the open chat for the phone number it was opened with. */
  private async refreshOpen(read?: Chat): Promise<void> {
    const open = this.conversation.chat.peek();
    if (!open) {
      return;
    }
    const { chatId, orgPhone } = open;
    const isRead = read?.chatId === chatId && read.orgPhone === orgPhone;
    const seen = isRead ? read : await this.api.findChat(chatId, digits(orgPhone));
    if (this.conversation.chat.peek()?.chatId !== chatId) {
      return;
    }
    if (seen) {
      await this.conversation.refresh(seen);
    } else {
      this.close();
    }
  }
}
