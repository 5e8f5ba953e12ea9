// The team's notes of the open chat.
import { signal } from '@preact/signals';
import type { Api, Chat, Note } from '../api';
import { notify, showFailure } from './notices';

export class Notes {
  /** Newest first. */
  readonly notes = signal<readonly Note[]>([]);
  /** Texts that were written and not saved, by the id of the chat or of the note that is being changed. */
  private readonly drafts = signal<ReadonlyMap<string, string>>(new Map());
  private chat: Chat | undefined;

  constructor(private readonly api: Api) {}

  /** Loads the notes of the open chat, unless they are shown already. */
  show(chat: Chat | undefined): void {
    if (chat?.chatId !== this.chat?.chatId) {
      this.notes.value = [];
      this.chat = chat;
      this.reload();
    }
  }

  /** Loads them again after a change of a chat, or of any. */
  reload(chatId = this.chat?.chatId): void {
    const { chat } = this;
    if (chat && chat.chatId === chatId) {
      const load = async () => {
        const notes = await this.api.noting.list(chat);
        if (chat === this.chat) {
          this.notes.value = notes;
        }
      };
      void load().catch(showFailure);
    }
  }

  /** Whether a reload of the page would lose something. */
  get isFragile(): boolean {
    const isSaved = (id: string, text: string) => this.notes.peek().some(({ messageId, body }) => messageId === id && body === text);
    return [...this.drafts.peek()].some(([id, text]) => text.trim() !== '' && !isSaved(id, text));
  }

  draft(id: string): string | undefined {
    return this.drafts.value.get(id);
  }

  /** Without a text, the draft is gone. */
  setDraft(id: string, text?: string): void {
    const drafts = new Map(this.drafts.peek());
    drafts.delete(id);
    this.drafts.value = text === undefined ? drafts : drafts.set(id, text);
  }

  /** Writes the draft of a chat, whose field is free for the next one meanwhile. */
  async add(chat: Chat, text: string): Promise<void> {
    this.setDraft(chat.chatId);
    if (!(await this.write(chat, text))) {
      const next = this.drafts.peek().get(chat.chatId) ?? '';
      this.setDraft(chat.chatId, next === '' ? text : `${text}\n${next}`);
    }
  }

  /** Saves the draft of a note, unless that has changed meanwhile. */
  async save(note: Note, text: string): Promise<void> {
    const before = this.drafts.peek().get(note.messageId);
    const isDone = text === note.body || (await this.edit(note, text));
    if (isDone && before === this.drafts.peek().get(note.messageId)) {
      this.setDraft(note.messageId);
    }
  }

  /** Returns whether it was written. */
  private async write(chat: Chat, text: string): Promise<boolean> {
    return this.run('Note not added', this.api.noting.write(chat, text));
  }

  /** Returns whether it was changed. */
  private async edit(note: Note, text: string): Promise<boolean> {
    return this.run('Note not changed', this.api.noting.edit(note, text));
  }

  async remove(chat: Chat, note: Note): Promise<void> {
    if (await this.run('Note not deleted', this.api.noting.remove(note))) {
      notify('Note deleted', () => void this.write(chat, note.body));
    }
  }

  private async run(failure: string, call: Promise<void>): Promise<boolean> {
    try {
      await call;
      this.reload();
      return true;
    } catch (error) {
      showFailure(error, failure);
      return false;
    }
  }
}
