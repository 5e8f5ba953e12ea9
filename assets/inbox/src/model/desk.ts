// The page of a signed-in user: the list, the search, the open chat, and the changes by others that reach them.
import { effect, signal, untracked } from '@preact/signals';
import type { Api, Chat, ChatMessage } from '../api';
import { isFinal } from '../errors';
import { chatKey, digits } from '../phones';
import { unread } from '../texts';
import { type Account, isSigningOut } from './account';
import { Actions } from './actions';
import { Bulk } from './bulk';
import { Changes } from './changes';
import { ChatList } from './chats';
import { Choices } from './choices';
import { Conversation } from './conversation';
import { Counts } from './counts';
import { Drafts } from './drafts';
import { showConnected, showFailure, showRefused } from './notices';
import { Notes } from './notes';
import { Numbers } from './numbers';
import { Rights } from './rights';
import { filter, go, land, landing } from './route';
import { Search } from './search';
import { Sender } from './sender';
import { Serial } from './serial';
import { keepSettings, marksRead } from './settings';
import { Watch } from './watch';

interface Settled {
  readonly chat: string;
  readonly count: number;
}

export class Desk {
  readonly api: Api;
  readonly list: ChatList;
  readonly counts: Counts;
  readonly search: Search;
  readonly conversation: Conversation;
  readonly drafts = new Drafts();
  readonly choices: Choices;
  readonly actions: Actions;
  readonly bulk: Bulk;
  readonly notes: Notes;
  readonly numbers: Numbers;
  readonly rights: Rights;
  readonly sender: Sender;
  /** The chat of the selected row of the list. */
  readonly chosen = signal<Chat | undefined>(undefined);
  private readonly changes: Changes;
  /** Of the open chat, the unread count that is not to be marked as read. */
  private settled: Settled = { chat: '', count: 0 };
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
    const serial = new Serial();
    this.actions = new Actions(api, serial, (chatId) => this.changes.received(chatId));
    this.bulk = new Bulk(api, serial, (chatId) => this.changes.received(chatId));
    this.notes = new Notes(api);
    this.rights = new Rights(api, caller);
    this.numbers = new Numbers(api, this.rights);
    this.sender = new Sender(api, this.numbers, this.rights, (chatId) => this.changes.received(chatId), () => this.shown());
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
    if (this.account.isKept) {
      keepSettings();
      this.drafts.keep();
    }
    void this.choices.load(this.api);
    this.numbers.start();
    effect(() => {
      const rows = this.list.rows.value;
      untracked(() => this.choices.learn([...rows.pinned, ...rows.chats]));
    });
    effect(() => this.sender.settle(this.conversation.messages.value));
    addEventListener('beforeunload', (event) => {
      const isFragile = !isSigningOut && (this.drafts.isFragile || this.notes.isFragile);
      if (this.sender.isBusy || isFragile) {
        event.preventDefault();
      }
    });
    effect(() => {
      const chat = this.conversation.chat.value;
      untracked(() => this.notes.show(chat));
    });
    effect(() => {
      const { isSeen, chat } = this.conversation;
      const seen = isSeen.value ? chat.value : undefined;
      untracked(() => this.markRead(seen));
    });
    ['offline', 'online'].forEach((name) => addEventListener(name, () => watch.reconnect()));
    // First, so that no change is missed between loading the list and the watch.
    await watch.start();
    effect(() => this.followFilter());
    effect(() => this.followChat());
  }

  /** Marks the chat as read or unread, and leaves it so while it is open. */
  async toggleRead(chat: Chat): Promise<void> {
    const open = this.conversation.chat.peek();
    if (open && chatKey(open) === chatKey(chat)) {
      this.settled = { chat: chatKey(chat), count: Infinity };
    }
    await this.actions.toggleRead(chat);
  }

  /** Opens a chat at a message, or else at its first new or newest ones: anew if it is open without the newest. */
  open(chat: Chat, message = ''): void {
    const before = landing.peek();
    go({ chatId: chat.chatId, through: digits(chat.orgPhone), message });
    if (before === landing.peek() && !this.conversation.hasNewest.peek() && !this.conversation.isOpening.peek()) {
      land();
    }
  }

  /** Shows the newest messages of the open chat. A reload of the page shows them, too. */
  showNewest(): void {
    go({ message: '' }, false);
    if (!this.conversation.hasNewest.peek()) {
      land(true);
    }
  }

  /** Shows the first new message of the open chat if that was not on the page yet, else the newest. */
  showNew(): void {
    const { hasNewest, newFrom } = this.conversation;
    if (!hasNewest.peek()) {
      land(newFrom.peek() !== '');
    }
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
    const { chatId, through, message, isNewest } = landing.value;
    untracked(() => {
      const open = this.opened();
      if (open?.chatId !== chatId || open.number !== through) {
        this.settled = { chat: '', count: 0 };
      }
      if (chatId === '') {
        this.conversation.close();
        return;
      }
      this.list.stay(chatId);
      const listed = this.list.find(chatId);
      const isListed = listed && digits(listed.orgPhone) === through;
      void this.conversation.open(chatId, through, message, isListed ? listed : undefined, isNewest).catch(showFailure);
    });
  }

  /** The chat that is open or about to be, and the number that holds it. */
  private opened(): { chatId: string; number: string } | undefined {
    const { chat, isOpening } = this.conversation;
    const open = chat.peek();
    if (open) {
      return { chatId: open.chatId, number: digits(open.orgPhone) };
    }
    const { chatId, through } = landing.peek();
    return isOpening.peek() ? { chatId, number: through } : undefined;
  }

  /** The open chat if its newest messages are among those on the page. */
  private shown(): Chat | undefined {
    return this.conversation.hasNewest.value ? this.conversation.chat.value : undefined;
  }

  private markRead(chat: Chat | undefined): void {
    const count = chat && this.settled.chat === chatKey(chat) ? this.settled.count : 0;
    if (chat && this.rights.maySend && marksRead.peek() && unread(chat) > count) {
      const settled = { chat: chatKey(chat), count: unread(chat) };
      this.settled = settled;
      void this.actions.opened(chat).then((isDone) => {
        if (this.settled === settled) {
          // The count starts anew once it is read.
          this.settled = { ...settled, count: isDone ? 0 : Infinity };
        }
      });
    }
  }

  private connected(isConnected: boolean): void {
    showConnected(isConnected);
    if (isConnected && this.isInterrupted) {
      // A change of the user's role ends the watch.
      this.rights.refresh();
      if (this.conversation.isFailed.peek()) {
        land();
      }
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
    const isOpen = this.opened()?.chatId === chatId;
    const chat = await this.listed(chatId, asked.number);
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

  /** A chat as the list has it: for the number that has pinned it, else for the one with its newest message. */
  private async listed(chatId: string, number: string): Promise<Chat | undefined> {
    const pinnedBy = number === '' ? this.list.pinnedBy(chatId) : '';
    const pinned = pinnedBy === '' ? undefined : await this.api.findChat(chatId, pinnedBy);
    return pinned?.isPinned ? pinned : this.api.findChat(chatId, number);
  }

  private async refetchAll(): Promise<void> {
    this.counts.changed();
    await this.list.reload();
    await this.refreshOpen();
  }

  /** Reloads the open chat for the phone number it was opened with. */
  private async refreshOpen(read?: Chat): Promise<void> {
    const open = this.opened();
    if (!open) {
      return;
    }
    const { chatId, number } = open;
    const isRead = read?.chatId === chatId && digits(read.orgPhone) === number;
    const seen = isRead ? read : await this.api.findChat(chatId, number);
    const now = this.opened();
    if (now?.chatId !== chatId || now.number !== number) {
      return;
    }
    if (seen) {
      await this.conversation.refresh(seen);
    } else if (this.conversation.chat.peek()) {
      this.close();
    }
  }
}
