// The team's notes of the open chat.
import { signal } from '@preact/signals';
import type { Api, Chat, Note } from '../api';
import { notify, showFailure } from './notices';

export class Notes {
  /** Newest first. */
  readonly notes = signal<readonly Note[]>([]);
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
        const notes = await this.api.notes(chat);
        if (chat === this.chat) {
          this.notes.value = notes;
        }
      };
      void load().catch(showFailure);
    }
  }

  /** Returns whether it was written. */
  async write(chat: Chat, text: string): Promise<boolean> {
    return this.run('Note not added', this.api.writeNote(chat, text));
  }

  /** Returns whether it was changed. */
  async edit(note: Note, text: string): Promise<boolean> {
    return this.run('Note not changed', this.api.editNote(note, text));
  }

  async remove(chat: Chat, note: Note): Promise<void> {
    if (await this.run('Note not deleted', this.api.deleteNote(note))) {
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
