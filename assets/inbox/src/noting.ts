// Client of the service for the notes of chats.
import { type Client, createClient, type Transport } from '@connectrpc/connect';
import type { Chat } from '../generated/switchboard/v1/chat_pb';
import { type Note, NoteService } from '../generated/switchboard/v1/note_pb';

const MOST = 200n;

export class Noting {
  private readonly service: Client<typeof NoteService>;

  constructor(transport: Transport) {
    this.service = createClient(NoteService, transport);
  }

  /** The newest notes of a chat. */
  async list({ chatId }: Chat): Promise<Note[]> {
    return (await this.service.listChatNotes({ chatId, limit: MOST, skipCount: true })).notes;
  }

  async write({ chatId }: Chat, message: string): Promise<void> {
    await this.service.createNote({ chatId, message });
  }

  async edit({ messageId: noteId }: Note, message: string): Promise<void> {
    await this.service.updateNote({ noteId, message });
  }

  async remove({ messageId: noteId }: Note): Promise<void> {
    await this.service.deleteNote({ noteId });
  }
}
