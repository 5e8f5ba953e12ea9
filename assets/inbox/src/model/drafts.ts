// What was written for a chat and not sent.
import { fromJson, type JsonValue, toJson } from '@bufbuild/protobuf';
import { effect, signal } from '@preact/signals';
import { ChatMessageSchema } from '../../generated/switchboard/v1/message_pb';
import type { Chat, ChatMessage } from '../api';
import { chatKey } from '../phones';
import { keep, readKept } from './kept';

export interface Draft {
  readonly text: string;
  readonly files: readonly File[];
  /** The message that the next one replies to. */
  readonly replyTo?: ChatMessage;
  /** The message whose text is being changed. */
  readonly editing?: ChatMessage;
  /** The new text of that message. */
  readonly edited: string;
}

/** What the tab's storage keeps of a draft, with the message that it replies to. */
type Kept = readonly [chat: string, text: string, replyTo?: JsonValue];

const NONE: Draft = { text: '', files: [], edited: '' };

export class Drafts {
  /** By phone number and chat. */
  private readonly drafts = signal<ReadonlyMap<string, Draft>>(new Map());
  /** Whether the tab's storage has the texts. */
  private isKept = false;

  of(chat: Chat): Draft {
    return this.drafts.value.get(chatKey(chat)) ?? NONE;
  }

  change(chat: Chat, change: Partial<Draft>): void {
    const drafts = this.drafts.peek();
    this.drafts.value = new Map(drafts).set(chatKey(chat), { ...NONE, ...drafts.get(chatKey(chat)), ...change });
  }

  /** Takes the texts and replies from the tab's storage, and keeps them there from now on. */
  keep(): void {
    this.drafts.value = new Map(kept());
    effect(() => {
      const texts = [...this.drafts.value].filter(([, { text, replyTo }]) => text !== '' || replyTo);
      this.isKept = keep('drafts', () => texts.map(([chat, { text, replyTo }]): Kept => [chat, text, replyTo && toJson(ChatMessageSchema, replyTo)]));
    });
  }

  /** Whether a reload of the page would lose something: files and changes of sent messages always. */
  get isFragile(): boolean {
    return [...this.drafts.peek().values()].some(({ text, files, editing, edited }) =>
      files.length > 0 || (editing !== undefined && edited !== editing.body) || (text.trim() !== '' && !this.isKept));
  }
}

function kept(): [string, Draft][] {
  try {
    const drafts = (readKept('drafts') ?? []) as Kept[];
    return drafts.map(([chat, text, replyTo]) => [chat, { ...NONE, text, replyTo: replyTo ? fromJson(ChatMessageSchema, replyTo) : undefined }]);
  } catch {
    // Another version of the page has stored them.
    return [];
  }
}
