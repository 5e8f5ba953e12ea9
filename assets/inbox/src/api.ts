// Client of the service: gRPC-Web to the page's own origin, with the token of the sign-in form.
import { Code, ConnectError, createClient, type Interceptor } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import { signal } from '@preact/signals';
import type { ChatChange, FieldChange, WatchChatsResponse } from '../generated/switchboard/v1/change_pb';
import { type Caller, CallerService } from '../generated/switchboard/v1/caller_pb';
import { type Chat, ChatService, type CountChatsResponse } from '../generated/switchboard/v1/chat_pb';
import { type Connection, ConnectionService } from '../generated/switchboard/v1/connection_pb';
import { LabelService } from '../generated/switchboard/v1/label_pb';
import { type Member, MemberService } from '../generated/switchboard/v1/member_pb';
import type { ChatMessage } from '../generated/switchboard/v1/message_pb';
import type { Note } from '../generated/switchboard/v1/note_pb';
import { type Property, PropertyService } from '../generated/switchboard/v1/property_pb';
import type { SearchHit } from '../generated/switchboard/v1/search_pb';
import { type Session, type SessionSend, SessionService } from '../generated/switchboard/v1/session_pb';
import { Noting } from './noting';
import { digits, through } from './phones';
import { Sending } from './sending';

export type { Outgoing } from './sending';
export type { Caller, Chat, ChatChange, CountChatsResponse, ChatMessage, Connection, FieldChange, Member, Note, Property, SearchHit, Session, SessionSend };

/** The filters that the service applies to a list of chats. Empty text means any. */
export interface Wanted {
  number: string;
  /** The chats have all of them. */
  labels: readonly string[];
  /** A part of the name or the number. */
  query?: string;
  sort: Sort;
  /** Only chats with their newest message at or after this time, or before that one: ISO 8601. */
  startTime?: string;
  endTime?: string;
  type: string;
  /** Email of a member, or `none`. */
  assignee: string;
  unread?: boolean;
  closed?: boolean;
  archived?: boolean;
}

/** `newest` activity first, or `oldest`; chats without messages are not among the oldest. */
export type Sort = 'newest' | 'oldest';

/** A page of results; without `next`, the last one. */
export interface Page<Item, Next> {
  items: Item[];
  next?: Next;
}

const MOST_NAMES = 200n;
const HITS = 25;
const PINNED = 25n;
const SENDS = 20n;

export class Api {
  private readonly callers;
  private readonly chats;
  readonly sending: Sending;
  readonly noting: Noting;
  private readonly sessionService;
  private readonly connectionService;
  private readonly memberService;
  private readonly labelService;
  private readonly propertyService;
  private readonly base: string;
  /** The phone numbers that the token may use. */
  readonly sessions = signal<readonly Session[]>([]);

  constructor(private readonly token: string) {
    const bearer: Interceptor = (next) => (request) => {
      request.header.set('authorization', `Bearer ${token}`);
      return next(request);
    };
    // The page's own directory, so that it also works behind a proxy path.
    this.base = new URL('.', location.href).href.replace(/\/$/, '');
    const transport = createGrpcWebTransport({ baseUrl: this.base, interceptors: [bearer] });
    this.callers = createClient(CallerService, transport);
    this.chats = createClient(ChatService, transport);
    this.sending = new Sending(transport);
    this.sessionService = createClient(SessionService, transport);
    this.connectionService = createClient(ConnectionService, transport);
    this.memberService = createClient(MemberService, transport);
    this.labelService = createClient(LabelService, transport);
    this.propertyService = createClient(PropertyService, transport);
    this.noting = new Noting(transport);
  }

  /** Who the token stands for, and what it may do. */
  async caller(): Promise<Caller> {
    return this.callers.getCaller({});
  }

  /** Loads the phone numbers. */
  async loadSessions(): Promise<void> {
    let cursor: string | undefined = '';
    const sessions: Session[] = [];
    while (cursor !== undefined) {
      const page: { data: Session[]; nextCursor?: string } = await this.sessionService.listSessions({ limit: 200n, cursor, withConnection: true });
      sessions.push(...page.data);
      cursor = page.nextCursor;
    }
    this.sessions.value = sessions;
  }

  /** The session of the phone number that a chat was loaded for. */
  sessionOf(chat: Chat): Session | undefined {
    return this.sessions.value.find((session) => session.phoneNumber === digits(chat.orgPhone));
  }

  async listChats(wanted: Wanted, offset: number, limit: number): Promise<Chat[]> {
    const { number, labels, query, sort, startTime, endTime, type, assignee, unread, closed, archived } = wanted;
    const answer = await this.chats.listChats(
      {
        offset: BigInt(offset), limit: BigInt(limit),
        labels: [...labels],
        query,
        sort,
        startTime: startTime ?? (sort === 'oldest' ? '1970-01-01' : undefined),
        endTime,
        chatType: type || undefined,
        assignedTo: assignee || undefined,
        unread,
        closed,
        archived,
        skipCount: true,
      },
      through(number),
    );
    return answer.chats;
  }

  /** The numbers of chats in each view, at most 1000 of each. */
  async countChats({ number, labels, type, assignee }: Wanted, email: string): Promise<CountChatsResponse> {
    const request = { labels: [...labels], chatType: type || undefined, assignedTo: assignee || undefined, member: email || undefined };
    return this.chats.countChats(request, through(number));
  }

  /** The chats that sessions have pinned: few. */
  async pinnedChats(number: string): Promise<{ chatId: string; number: string }[]> {
    const sessions = this.sessions.peek().filter(({ phoneNumber }) => number === '' || phoneNumber === number);
    const pages = sessions.map(async ({ id, phoneNumber }) => {
      const { data } = await this.sessionService.listSessionChats({ sessionId: id, limit: PINNED, pinned: true });
      return data.map(({ jid }) => ({ chatId: jid.replace('@s.whatsapp.net', '@c.us'), number: phoneNumber }));
    });
    return (await Promise.all(pages)).flat();
  }

  /** Undefined when the phone number does not hold such a chat, or nothing can have such an id. */
  async findChat(chatId: string, number: string): Promise<Chat | undefined> {
    try {
      return await this.chats.getChat({ chatId }, through(number));
    } catch (error) {
      if ([Code.NotFound, Code.InvalidArgument].includes(ConnectError.from(error).code)) {
        return undefined;
      }
      throw error;
    }
  }

  /** Streams changed chats until aborted or failed, starting after the resume token. */
  watchChats(resumeToken: string, signal: AbortSignal): AsyncIterable<WatchChatsResponse> {
    return this.chats.watchChats({ resumeToken }, { signal });
  }

  /** Messages, newest first. */
  async listMessages(chat: Chat, offset: number, limit: number): Promise<ChatMessage[]> {
    const page = { chatId: chat.chatId, offset: BigInt(offset), limit: BigInt(limit), skipCount: true };
    return (await this.chats.listChatMessages(page, through(digits(chat.orgPhone)))).messages;
  }

  /** A page of messages with these words, best matches first. */
  async searchMessages(query: string, number: string, offset: number): Promise<Page<SearchHit, number>> {
    const page = { query, offset: BigInt(offset), limit: BigInt(HITS) };
    const { hits, to, count } = await this.chats.searchMessages(page, through(number));
    return { items: hits, next: hits.length > 0 && to < count ? Number(to) : undefined };
  }

  async assign(chat: Chat, email: string): Promise<void> {
    await this.update(chat, { assignedTo: email }, 'assigned_to');
  }

  /** A chat as it is now, which may differ from what is on screen. */
  async chat({ chatId, orgPhone }: Chat): Promise<Chat> {
    return this.chats.getChat({ chatId }, through(digits(orgPhone)));
  }

  /** Changes the chat's current labels; the same array changes nothing. */
  async changeLabels(chat: Chat, change: (labels: string[]) => string[]): Promise<void> {
    const { labels } = await this.chat(chat);
    const changed = change(labels);
    if (changed !== labels) {
      await this.update(chat, { labels: changed }, 'labels');
    }
  }

  async close({ chatId }: Chat, isClosed: boolean): Promise<void> {
    await (isClosed ? this.chats.closeChat({ chatId }) : this.chats.reopenChat({ chatId }));
  }

  async setProperty(chat: Chat, id: string, value: string | string[] | null): Promise<void> {
    await this.update(chat, { customProperties: { [id]: value } }, 'custom_properties');
  }

  /** Shows the chat to a member, or hides it. */
  async setAccess({ chatId }: Chat, email: string, isAllowed: boolean): Promise<void> {
    await this.chats.updateChatAccess({ chatIds: [chatId], access: { [email]: isAllowed }, replace: false });
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

  /** What connects the numbers to WhatsApp; needs `manage`. */
  async connections(): Promise<Connection[]> {
    return (await this.connectionService.listConnections({ limit: MOST_NAMES })).data;
  }

  /** The newest sends of a session in these states, and whether there are more. */
  async sends(sessionId: string, states: readonly string[]): Promise<{ sends: SessionSend[]; hasMore: boolean }> {
    const pages = await Promise.all(states.map((state) => this.sessionService.listSessionSends({ sessionId, state, limit: SENDS })));
    const sends = pages.flatMap(({ data }) => data).sort((a, b) => Number(b.createdAt - a.createdAt));
    return { sends, hasMore: pages.some(({ nextCursor }) => nextCursor !== undefined) };
  }

  async members(): Promise<Member[]> {
    return (await this.memberService.listMembers({ limit: MOST_NAMES })).data;
  }

  /** Names of all labels. */
  async labelNames(): Promise<string[]> {
    const { data } = await this.labelService.listLabels({ limit: MOST_NAMES });
    return data.map(({ name }) => name ?? '');
  }

  async properties(): Promise<Property[]> {
    return (await this.propertyService.listProperties({ limit: MOST_NAMES })).data;
  }

  /** A page of the changes of a chat of one kind, newest first. */
  async history(chat: Chat, action: string, limit: number, cursor: string): Promise<Page<ChatChange, string>> {
    const page = { chatId: chat.chatId, action, limit: BigInt(limit), cursor };
    const { auditLogs, nextCursor } = await this.chats.listChatAuditLogs(page, through(digits(chat.orgPhone)));
    return { items: auditLogs, next: nextCursor };
  }

  /** A stored file. */
  async media(id: string): Promise<Blob> {
    const headers = { authorization: `Bearer ${this.token}` };
    const answer = await fetch(`${this.base}/v1/media/${encodeURIComponent(id)}`, { headers });
    if (!answer.ok) {
      throw new ConnectError('the file is not available', Code.Unavailable);
    }
    return answer.blob();
  }

  private async update(chat: Chat, change: Parameters<typeof this.chats.updateChat>[0]['chat'], path: string): Promise<void> {
    const request = { chatId: chat.chatId, chat: change, updateMask: { paths: [path] } };
    await this.chats.updateChat(request, through(digits(chat.orgPhone)));
  }

  private inSession(chat: Chat): { sessionId: string; jid: string } {
    const session = this.sessionOf(chat);
    if (!session) {
      throw new ConnectError('the number of this chat is not attached any more', Code.NotFound);
    }
    return { sessionId: session.id, jid: chat.chatId };
  }
}
