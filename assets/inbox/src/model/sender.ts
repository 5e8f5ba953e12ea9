// Sending: what is on its way to the service, and why a number cannot send.
import { computed, signal } from '@preact/signals';
import type { Api, Chat, ChatMessage, Outgoing } from '../api';
import { bodyOf, mediaOf } from '../content';
import { isNotAllowed, isNotConnected, reason } from '../errors';
import { chatKey } from '../phones';
import { isolate, nameOf, phone } from '../texts';
import { showFailure } from './notices';
import type { Numbers } from './numbers';
import { READS_ONLY, type Rights } from './rights';
import { Serial } from './serial';

/** A message that the service has not confirmed yet. */
export interface Pending {
  readonly key: string;
  readonly chat: Chat;
  readonly content: Outgoing;
  /** The id of the stored message; empty before the service has it. */
  readonly storedId: string;
  /** Why it was not sent; empty while it is on its way. */
  readonly failure: string;
}

/** Largest file that the service takes. */
export const MAX_FILE_BYTES = 16_000_000;

export class Sender {
  readonly pending = signal<readonly Pending[]>([]);
  /** Those that could not be sent and are not on screen. */
  readonly unsent = computed(() => this.pending.value.filter(({ chat, failure }) => failure !== '' && !this.isShown(chat)));
  /** Failed messages that were sent once more: the key of that attempt, by their content. */
  private readonly repeated = signal<ReadonlyMap<string, string>>(new Map());
  /** The messages of a chat reach people in the order in which they were written. */
  private readonly serial = new Serial();
  /** Files that this page has sent, by the id of their message: shown without loading them again. */
  private readonly files = new Map<string, File>();

  constructor(
    private readonly api: Api,
    private readonly numbers: Numbers,
    private readonly rights: Rights,
    private readonly changed: (chatId: string) => void,
    /** The chat whose newest messages are on the page. */
    private readonly shown: () => Chat | undefined,
  ) {}

  /** Whether messages are on their way that the service does not have. */
  get isBusy(): boolean {
    return this.pending.peek().some(({ storedId }) => storedId === '');
  }

  /** Why the chat's number cannot send; empty if it can. */
  refusal(chat: Chat): string {
    const own = chat.members[chat.orgPhone];
    if (chat.isExited) {
      return 'Your number is no longer in this group.';
    }
    if (chat.messagesAdminsOnly && own && !own.isAdmin && !own.isSuperAdmin) {
      return 'Only admins of this group may write to it.';
    }
    const session = this.api.sessionOf(chat);
    if (session?.hasConnection === false) {
      return `${session.label || phone(chat.orgPhone)} has no connection to WhatsApp: chats can be read here, but nothing can be sent.`;
    }
    return this.rights.maySend ? '' : READS_ONLY;
  }

  /** Why messages wait before they are sent; empty if they do not. */
  delay(chat: Chat): string {
    const session = this.api.sessionOf(chat);
    const name = session?.label || phone(chat.orgPhone);
    switch (session?.status) {
      case 'logged_out':
        return `${name} is logged out of WhatsApp: messages wait until it is linked again.`;
      case 'disconnected':
      case 'connecting':
        return `${name} is not connected to WhatsApp right now: messages wait until it is.`;
      default:
        return '';
    }
  }

  async send(chat: Chat, content: Outgoing, key: string = crypto.randomUUID()): Promise<void> {
    const pending: Pending = { key, chat, content, storedId: '', failure: '' };
    this.pending.value = [...this.pending.value, pending];
    await this.attempt(pending);
  }

  async retry(pending: Pending): Promise<void> {
    this.change(pending.key, { failure: '' });
    await this.attempt(pending);
  }

  /** Sends a message that failed once more: once, however often it is asked for before that is known to have failed, too. */
  async again(chat: Chat, message: ChatMessage): Promise<void> {
    const [content, key] = [contentKey(message), crypto.randomUUID()];
    if (this.repeated.value.has(content)) {
      return;
    }
    this.repeated.value = new Map(this.repeated.value).set(content, key);
    try {
      await this.send(chat, await this.contentOf(message), key);
    } catch (error) {
      this.allowAgain(key);
      showFailure(error, 'Not sent');
    }
  }

  /** Whether a message can be sent once more: a text, or a file that is at hand. */
  canRepeat(message: ChatMessage): boolean {
    const media = mediaOf(message);
    return media ? media.bytes <= MAX_FILE_BYTES && (media.id !== '' || this.fileOf(message) !== undefined) : message.messageType === 'chat';
  }

  /** What became of a failed message that was sent once more; empty if it was not. */
  repetition(message: ChatMessage): string {
    const key = this.repeated.value.get(contentKey(message));
    if (key === undefined) {
      return '';
    }
    return this.pending.value.some((pending) => pending.key === key && pending.storedId === '') ? 'Being sent again' : 'Sent again';
  }

  discard(key: string): void {
    this.pending.value = this.pending.value.filter((pending) => pending.key !== key);
    this.allowAgain(key);
  }

  /** Removes what is among the messages on screen; of other chats, what the service has. */
  settle(messages: readonly ChatMessage[]): void {
    const ids = new Set(messages.flatMap(({ uniqueId, sentMessageId }) => [uniqueId, sentMessageId ?? '']));
    const waiting = this.pending.value.filter(({ chat, storedId }) => storedId === '' || (this.isShown(chat) && !ids.has(storedId)));
    if (waiting.length < this.pending.value.length) {
      this.pending.value = waiting;
    }
  }

  /** The file of a message that this page has sent. */
  fileOf({ uniqueId, sentMessageId }: ChatMessage): File | undefined {
    return this.files.get(uniqueId) ?? this.files.get(sentMessageId ?? '');
  }

  async react(chat: Chat, message: ChatMessage, emoji: string): Promise<void> {
    await this.run(chat, 'Not sent', this.api.sending.react(chat, message, emoji));
  }

  /** Returns whether it was changed. */
  async edit(chat: Chat, message: ChatMessage, text: string): Promise<boolean> {
    return this.run(chat, 'Not edited', this.api.sending.edit(chat, message, text));
  }

  async remove(chat: Chat, message: ChatMessage): Promise<void> {
    await this.run(chat, 'Not deleted', this.api.sending.remove(chat, message));
  }

  /** A stored message as one to send. Its file is loaded. */
  private async contentOf(message: ChatMessage): Promise<Outgoing> {
    const media = mediaOf(message);
    const content = { text: bodyOf(message) === '' ? '' : (message.body ?? ''), replyTo: message.quotedMessageId };
    if (!media) {
      return content;
    }
    const file = this.fileOf(message) ?? new File([await this.api.media(media.id)], media.filename, { type: media.mimetype });
    return { ...content, file, kind: message.messageType === 'ptt' ? 'voice' : media.kind };
  }

  /** Lets the message of an attempt be sent once more again. */
  private allowAgain(key: string): void {
    this.repeated.value = new Map([...this.repeated.value].filter(([, attempt]) => attempt !== key));
  }

  private async attempt({ key, chat, content }: Pending): Promise<void> {
    try {
      // The same key again, so that a repetition sends nothing twice.
      const storedId = await this.serial.run(chatKey(chat), () => this.api.sending.send(chat, content, key));
      if (content.file) {
        this.files.set(storedId, content.file);
      }
      this.change(key, { storedId });
      this.changed(chat.chatId);
    } catch (error) {
      this.refreshAfter(error);
      this.change(key, { failure: reason(error) });
      if (!this.isShown(chat)) {
        showFailure(error, `Not sent to ${isolate(nameOf(chat))}`);
      }
    }
  }

  /** Returns whether it was done. */
  private async run(chat: Chat, failure: string, call: Promise<unknown>): Promise<boolean> {
    try {
      await call;
      this.changed(chat.chatId);
      return true;
    } catch (error) {
      this.refreshAfter(error);
      showFailure(error, failure);
      return false;
    }
  }

  /** Loads what a refusal shows to have changed: the next message would be refused, too. */
  private refreshAfter(error: unknown): void {
    if (isNotAllowed(error)) {
      this.rights.refresh();
    } else if (isNotConnected(error)) {
      this.numbers.refresh();
    }
  }

  private isShown(chat: Chat): boolean {
    const shown = this.shown();
    return shown !== undefined && chatKey(shown) === chatKey(chat);
  }

  private change(key: string, change: Partial<Pending>): void {
    this.pending.value = this.pending.value.map((pending) => (pending.key === key ? { ...pending, ...change } : pending));
  }
}

/** Differs when a message is another one, or its text was changed. */
function contentKey({ messageId, body }: ChatMessage): string {
  return `${messageId} ${body ?? ''}`;
}
