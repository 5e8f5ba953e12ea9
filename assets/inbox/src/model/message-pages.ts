// Pages of a chat's messages. One may end early by its size: only an empty page is after the last message.
import type { Api, Chat, ChatMessage } from '../api';
import { isNotice, isSilent } from '../notice-texts';
import { unread } from '../texts';

export const PAGE = 50;
/** Messages of neighbouring pages that are loaded again, so that a gap is noticed. */
export const OVERLAP = 5;
/** Maximum number of loaded messages, so that neither memory nor the page grows with what is read. */
const MOST = 6 * PAGE;
/** Page in which a message is looked for, and the number of messages after which it is not looked for further. */
const SCAN = 500;
const MOST_SCANNED = 20_000;
/** The number of messages after which the first new one is not looked for further. */
const MOST_NEW = 5000;

/** The messages that a chat is opened with. */
export interface FirstPage {
  /** The number of messages that are newer than the page. */
  readonly start: number;
  readonly page: ChatMessage[];
  /** The first new message, which may be on another page; empty when there is none, or it was not looked for. */
  readonly newFrom: string;
}

/** A message and the number of newer ones. */
interface Found {
  readonly id: string;
  readonly at: number;
}

/** The page around a message. Or else the newest ones, down to the first new message unless `isNewest`; or around that, if it is far. */
export async function firstPage(api: Api, chat: Chat, message: string, isNewest: boolean): Promise<FirstPage> {
  const count = unread(chat);
  if (message === '') {
    const page = await api.listMessages(chat, 0, PAGE);
    const newFrom = firstNew(page, count)?.id ?? '';
    if (count === 0 || newFrom !== '' || isNewest) {
      return { start: 0, page, newFrom };
    }
  }
  const { messages, wanted, first } = await find(api, chat, message, count);
  const newFrom = first?.id ?? '';
  if (message === '' && first && first.at < MOST - PAGE) {
    return { start: 0, page: messages.slice(0, first.at + PAGE), newFrom };
  }
  const middle = message === '' ? first : wanted;
  if (middle === undefined) {
    return { start: 0, page: await api.listMessages(chat, 0, PAGE), newFrom };
  }
  const start = Math.max(0, middle.at - PAGE / 2);
  const page = await api.listMessages(chat, start, PAGE);
  // Large messages before it may have ended the page early.
  const hasIt = page.some((found) => isSameMessage(found, middle.id));
  return hasIt ? { start, page, newFrom } : { start: middle.at, page: await api.listMessages(chat, middle.at, PAGE), newFrom };
}

/** The id of the first new message of a chat; empty when it is not found. */
export async function findNew(api: Api, chat: Chat): Promise<string> {
  return (await find(api, chat, '', unread(chat))).first?.id ?? '';
}

/** The last of the first `count` incoming messages of these, newest first. Notices do not count as unread. */
export function firstNew(messages: readonly ChatMessage[], count: number): Found | undefined {
  let incoming = 0;
  const at = messages.findIndex((message) => (incoming += Number(!message.fromMe && !isNotice(message))) === count);
  return count > 0 && at >= 0 ? { id: messages[at].messageId, at } : undefined;
}

/** The loaded messages that are too many: from the start, or else from the end. Without those that show nothing, there is always
 * enough to scroll. */
export function excess(messages: readonly ChatMessage[], isFromStart: boolean): ChatMessage[] {
  let shown = 0;
  const kept = isFromStart ? [...messages].reverse() : messages;
  return kept.filter((message) => (shown += Number(!isSilent(message))) > MOST);
}

export function isSameMessage(message: ChatMessage, id: string): boolean {
  return id !== '' && (message.messageId === id || message.uniqueId === id);
}

/** The messages from the newest down to what is looked for: a message, and the first of the new ones. */
interface Search {
  readonly messages: readonly ChatMessage[];
  readonly wanted?: Found;
  readonly first?: Found;
}

async function find(api: Api, chat: Chat, message: string, count: number): Promise<Search> {
  const messages: ChatMessage[] = [];
  // Own messages and notices are between the new ones. The service may count messages that it does not have.
  const most = Math.min(2 * count + SCAN, MOST_NEW);
  for (;;) {
    const at = messages.findIndex((found) => isSameMessage(found, message));
    const wanted = at < 0 ? undefined : { id: message, at };
    const first = firstNew(messages, count);
    const isFound = (message === '' || wanted) && (count === 0 || first || messages.length >= most);
    const page = isFound || messages.length >= MOST_SCANNED ? [] : await api.listMessages(chat, messages.length, SCAN);
    if (page.length === 0) {
      return { messages, wanted, first };
    }
    messages.push(...page);
  }
}
