// Client of the service that sends messages.
import { create } from '@bufbuild/protobuf';
import { type Client, Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import type { Chat } from '../generated/switchboard/v1/chat_pb';
import type { ChatMessage } from '../generated/switchboard/v1/message_pb';
import { type OutgoingMedia, OutgoingMediaSchema } from '../generated/switchboard/v1/outgoing_pb';
import { MessageService } from '../generated/switchboard/v1/send_pb';
import { digits, through } from './phones';

/** A message to send: a text, or a file with the text as its caption. */
export interface Outgoing {
  text: string;
  file?: File;
  /** How the file is shown, if not as its type says. */
  kind?: string;
  /** The message that it replies to. */
  replyTo?: string;
}

export class Sending {
  private readonly messages: Client<typeof MessageService>;

  constructor(transport: Transport) {
    this.messages = createClient(MessageService, transport);
  }

  /** Sends a message and returns the id under which it is stored. Repeated with the same key, it is sent once. */
  async send(chat: Chat, { text, file, kind, replyTo }: Outgoing, key: string): Promise<string> {
    const { headers } = through(digits(chat.orgPhone));
    const request = { chatId: chat.chatId, message: text, replyTo, media: file && (await mediaOf(file, kind)) };
    return (await this.messages.sendMessage(request, { headers: { ...headers, 'idempotency-key': key } })).uniqueId;
  }

  /** Reacts to a message; an empty emoji removes the reaction. */
  async react(chat: Chat, { messageId }: ChatMessage, reaction: string): Promise<void> {
    await this.messages.reactToMessage({ messageId, reaction }, through(digits(chat.orgPhone)));
  }

  async edit(chat: Chat, { messageId }: ChatMessage, editedBody: string): Promise<void> {
    await this.messages.editMessage({ messageId, editedBody }, through(digits(chat.orgPhone)));
  }

  /** Cancels a send that still waits. */
  async cancel(queueId: string): Promise<void> {
    await this.messages.cancelSend({ queueId });
  }

  /** Deletes a message for everyone. */
  async remove(chat: Chat, { messageId }: ChatMessage): Promise<void> {
    await this.messages.deleteMessage({ messageId }, through(digits(chat.orgPhone)));
  }
}

async function mediaOf(file: File, wanted?: string): Promise<OutgoingMedia> {
  const kind = wanted ?? kindOf(file);
  return create(OutgoingMediaSchema, { type: kind, filename: file.name, mimetype: file.type, filedata: await bytesOf(file) });
}

function kindOf(file: File): string {
  return /^(image\/(png|jpeg|webp)|video\/(mp4|3gpp)|audio\/.*)$/.test(file.type) ? file.type.split('/')[0] : 'document';
}

async function bytesOf(file: File): Promise<Uint8Array> {
  const bytes = await file.arrayBuffer().catch(() => undefined);
  if (bytes === undefined || bytes.byteLength === 0) {
    throw new ConnectError('the file cannot be read: it is empty, a folder, or was changed', Code.InvalidArgument);
  }
  return new Uint8Array(bytes);
}
