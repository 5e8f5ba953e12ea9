// Sending: what is on its way to the service, and why a number cannot send.
import { signal } from '@preact/signals';
import type { Api, Chat, ChatMessage, Outgoing } from '../api';
import { isNotAllowed, isNotConnected, reason } from '../errors';
import { phone } from '../texts';
import { showFailure } from './notices';
import type { Numbers } from './numbers';
import { READS_ONLY, type Rights } from './rights';

/** A message that the service has not confirmed yet. */
export interface Pending {
  readonly key: string;
  readonly chatId: string;
  readonly orgPhone: string;
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
  /** Files that this page has sent, by the id of their message: shown without loading them again. */
  private readonly files = new Map<string, File>();
  /** Texts that were written and not sent, by chat. */
  readonly drafts = new Map<string, string>();

  constructor(
    private readonly api: Api,
    private readonly numbers: Numbers,
    private readonly rights: Rights,
    private readonly changed: (chatId: string) => void,
  ) {}

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

  async send(chat: Chat, content: Outgoing): Promise<void> {
    const { chatId, orgPhone } = chat;
    const pending: Pending = { key: crypto.randomUUID(), chatId, orgPhone, content, storedId: '', failure: '' };
    this.pending.value = [...this.pending.value, pending];
    await this.attempt(chat, pending);
  }

  async retry(chat: Chat, pending: Pending): Promise<void> {
    this.change(pending.key, { failure: '' });
    await this.attempt(chat, pending);
  }

  /** Sends the text of a message that failed once more. */
  async again(chat: Chat, message: ChatMessage): Promise<void> {
    await this.send(chat, { text: message.body ?? '', replyTo: message.quotedMessageId });
  }

  discard(key: string): void {
    this.pending.value = this.pending.value.filter((pending) => pending.key !== key);
  }

  /** Removes what is among the messages of the chat now. */
  stored(messages: readonly ChatMessage[]): void {
    const ids = new Set(messages.flatMap(({ uniqueId, sentMessageId }) => [uniqueId, sentMessageId ?? '']));
    const waiting = this.pending.peek().filter(({ storedId }) => storedId === '' || !ids.has(storedId));
    if (waiting.length < this.pending.peek().length) {
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

  async edit(chat: Chat, message: ChatMessage, text: string): Promise<void> {
    await this.run(chat, 'Not edited', this.api.sending.edit(chat, message, text));
  }

  async remove(chat: Chat, message: ChatMessage): Promise<void> {
    await this.run(chat, 'Not deleted', this.api.sending.remove(chat, message));
  }

  private async attempt(chat: Chat, { key, content }: Pending): Promise<void> {
    try {
      // The same key again, so that a repetition sends nothing twice.
      const storedId = await this.api.sending.send(chat, content, key);
      if (content.file) {
        this.files.set(storedId, content.file);
      }
      this.change(key, { storedId });
      this.changed(chat.chatId);
    } catch (error) {
      this.learn(error);
      this.change(key, { failure: reason(error) });
    }
  }

  private async run(chat: Chat, failure: string, call: Promise<unknown>): Promise<void> {
    try {
      await call;
      this.changed(chat.chatId);
    } catch (error) {
      this.learn(error);
      showFailure(error, failure);
    }
  }

  /** Learns from a refusal that the next message would meet, too. */
  private learn(error: unknown): void {
    if (isNotAllowed(error)) {
      this.rights.refresh();
    } else if (isNotConnected(error)) {
      this.numbers.refresh();
    }
  }

  private change(key: string, change: Partial<Pending>): void {
    this.pending.value = this.pending.value.map((pending) => (pending.key === key ? { ...pending, ...change } : pending));
  }
}
