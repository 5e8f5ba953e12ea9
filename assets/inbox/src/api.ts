// Client of the service: gRPC-Web to the page's own origin, with the token of the sign-in form.
import { Code, ConnectError, createClient, type Interceptor } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import type { ChatChange, WatchChatsResponse } from '../generated/switchboard/v1/change_pb';
import { type Chat, ChatService } from '../generated/switchboard/v1/chat_pb';
import type { ChatMessage } from '../generated/switchboard/v1/message_pb';
import { LabelService } from '../generated/switchboard/v1/label_pb';
import { MemberService } from '../generated/switchboard/v1/member_pb';
import { type Session, SessionService } from '../generated/switchboard/v1/session_pb';

export type { Chat, ChatChange, ChatMessage, Session };

/** The filters that the service applies to a list. Empty text means any. */
export interface Wanted {
  phone: string;
  label: string;
  unread: boolean;
}

/** A search result: a chat, and the matching message unless the name matches. */
export interface Found {
  chatId: string;
  message?: ChatMessage;
}

const MOST_FOUND = 25;
const MOST_NAMES = 200n;

/** Selects one of the organization's phone numbers (`x-phone`). */
function about(phone: string): { headers: Record<string, string> } {
  return { headers: phone === '' ? {} : { 'x-phone': phone } };
}

/** The digits of `15550101844@c.us`. */
export function digits(id: string): string {
  return id.split('@')[0];
}

/** The message that a failed call shows. */
export function reason(error: unknown): string {
  return ConnectError.from(error).rawMessage;
}

/** Whether a retry with this token cannot succeed. */
export function isFinal(error: unknown): boolean {
  return [Code.Unauthenticated, Code.PermissionDenied].includes(ConnectError.from(error).code);
}

/** Whether the service rejected a resume token: it is too old or not its own. */
export function isForgotten(error: unknown): boolean {
  return [Code.OutOfRange, Code.InvalidArgument].includes(ConnectError.from(error).code);
}

export class Api {
  private readonly chatService;
  private readonly sessionService;
  private readonly memberService;
  private readonly labelService;
  private sessions: Session[] = [];

  constructor(token: string) {
    const bearer: Interceptor = (next) => (request) => {
      request.header.set('authorization', `Bearer ${token}`);
      return next(request);
    };
    // The page's own directory, so that it also works behind a proxy path.
    const baseUrl = new URL('.', location.href).href.replace(/\/$/, '');
    const transport = createGrpcWebTransport({ baseUrl, interceptors: [bearer] });
    this.chatService = createClient(ChatService, transport);
    this.sessionService = createClient(SessionService, transport);
    this.memberService = createClient(MemberService, transport);
    this.labelService = createClient(LabelService, transport);
  }

  /** The phone numbers that the token may use. Called first: it also validates the token. */
  async loadSessions(): Promise<Session[]> {
    let cursor: string | undefined = '';
    const sessions: Session[] = [];
    while (cursor !== undefined) {
      const page: { data: Session[]; nextCursor?: string } = await this.sessionService.listSessions({ limit: 200n, cursor });
      sessions.push(...page.data);
      cursor = page.nextCursor;
    }
    this.sessions = sessions;
    return sessions;
  }

  /** The session of the phone number that a chat was loaded for. */
  sessionOf(chat: Chat): Session | undefined {
    return this.sessions.find((session) => session.phoneNumber === digits(chat.orgPhone));
  }

  async listChats(wanted: Wanted, offset: number, limit: number): Promise<Chat[]> {
    const answer = await this.chatService.listChats(
      {
        offset: BigInt(offset),
        limit: BigInt(limit),
        label: wanted.label || undefined,
        unread: wanted.unread || undefined,
        skipCount: true,
      },
      about(wanted.phone),
    );
    return answer.chats;
  }

  /** Undefined when the phone number does not hold such a chat. */
  async findChat(chatId: string, phone: string): Promise<Chat | undefined> {
    try {
      return await this.chatService.getChat({ chatId }, about(phone));
    } catch (error) {
      if (ConnectError.from(error).code === Code.NotFound) {
        return undefined;
      }
      throw error;
    }
  }

  /** Streams changed chats until aborted or failed, starting after the resume token. */
  watchChats(resumeToken: string, signal: AbortSignal): AsyncIterable<WatchChatsResponse> {
    return this.chatService.watchChats({ resumeToken }, { signal });
  }

  async listMessages(chat: Chat, offset: number, limit: number): Promise<ChatMessage[]> {
    const page = { chatId: chat.chatId, offset: BigInt(offset), limit: BigInt(limit), skipCount: true };
    return (await this.chatService.listChatMessages(page, about(digits(chat.orgPhone)))).messages;
  }

  /** Chats whose name contains the text, then chats with a matching message. */
  async search(text: string, phone: string): Promise<Found[]> {
    const sessions = this.sessions.filter((session) => phone === '' || session.phoneNumber === phone);
    const [named, said] = await Promise.all([
      Promise.all(sessions.map((session) => this.named(session, text))),
      this.chatService.searchMessages({ query: text, limit: BigInt(MOST_FOUND) }, about(phone)),
    ]);
    const found = new Map<string, Found>();
    for (const chatId of named.flat()) {
      found.set(chatId, { chatId });
    }
    for (const { message } of said.hits) {
      if (message && !found.has(message.chatId)) {
        found.set(message.chatId, { chatId: message.chatId, message });
      }
    }
    return [...found.values()];
  }

  private async named(session: Session, text: string): Promise<string[]> {
    const page = { sessionId: session.id, q: text, limit: BigInt(MOST_FOUND) };
    const { data } = await this.sessionService.listSessionChats(page);
    return data.map(({ jid }) => jid.replace('@s.whatsapp.net', '@c.us'));
  }

  async assign(chat: Chat, email: string): Promise<void> {
    const paths = { paths: ['assigned_to'] };
    const request = { chatId: chat.chatId, chat: { assignedTo: email }, updateMask: paths };
    await this.chatService.updateChat(request, about(digits(chat.orgPhone)));
  }

  /** Changes the chat's current labels, which may differ from those on screen. */
  async changeLabels(chat: Chat, change: (labels: string[]) => string[]): Promise<void> {
    const phone = digits(chat.orgPhone);
    const { labels } = await this.chatService.getChat({ chatId: chat.chatId }, about(phone));
    const request = { chatId: chat.chatId, chat: { labels: change(labels) }, updateMask: { paths: ['labels'] } };
    await this.chatService.updateChat(request, about(phone));
  }

  async archive(chat: Chat, archived: boolean): Promise<void> {
    await this.sessionService.updateSessionChat({ ...this.inSession(chat), chat: { archived } });
  }

  async pin(chat: Chat, pinned: boolean): Promise<void> {
    await this.sessionService.updateSessionChat({ ...this.inSession(chat), chat: { pinned } });
  }

  async mute(chat: Chat, until: Date): Promise<void> {
    const mutedUntil = BigInt(until.getTime());
    await this.sessionService.updateSessionChat({ ...this.inSession(chat), chat: { mutedUntil } });
  }

  async unmute(chat: Chat): Promise<void> {
    await this.sessionService.updateSessionChat({ ...this.inSession(chat), unmute: true });
  }

  async markRead(chat: Chat): Promise<void> {
    await this.sessionService.markSessionChatRead(this.inSession(chat));
  }

  async markUnread(chat: Chat): Promise<void> {
    await this.sessionService.markSessionChatUnread(this.inSession(chat));
  }

  /** Emails of all members. */
  async memberEmails(): Promise<string[]> {
    const { data } = await this.memberService.listMembers({ limit: MOST_NAMES });
    return data.map(({ email }) => email);
  }

  /** Names of all labels. */
  async labelNames(): Promise<string[]> {
    const { data } = await this.labelService.listLabels({ limit: MOST_NAMES });
    return data.map(({ name }) => name ?? '');
  }

  private inSession(chat: Chat): { sessionId: string; jid: string } {
    const session = this.sessionOf(chat);
    if (!session) {
      throw new ConnectError('the number of this chat is not attached any more', Code.NotFound);
    }
    return { sessionId: session.id, jid: chat.chatId };
  }
}
