// Texts that describe chats and messages.
import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';
import { type Chat, type ChatMessage, digits } from './api';

const AVATAR_COLORS = 6;
const DAY_MS = 24 * 60 * 60 * 1000;

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });

export function nameOf(chat: Chat): string {
  return chat.chatName || digits(chat.chatId);
}

/** Time of the newest message in Unix ms; 0 without messages. */
export function activity(chat: Chat): number {
  const timestamp = chat.latestMessage?.timestamp;
  return timestamp ? timestampMs(timestamp) : 0;
}

export function unread(chat: Chat): number {
  return Number(chat.messageUnreadCount ?? 0n);
}

/** One-line preview of a message. */
export function preview(message: ChatMessage | undefined): string {
  return message ? (message.fromMe ? 'You: ' : '') + textOf(message) : '';
}

export function textOf(message: ChatMessage): string {
  if (message.isDeleted) {
    return 'This message was deleted';
  }
  return message.body || `[${message.messageType ?? 'message'}]`;
}

/** Name of the sender. */
export function senderOf(chat: Chat, message: ChatMessage): string {
  if (message.fromMe) {
    return message.performedBy || 'You';
  }
  const sender = message.author || message.senderPhone || message.chatId;
  return chat.members[sender]?.contactName || (sender === chat.chatId ? nameOf(chat) : digits(sender));
}

/** Delivery state of a sent message. */
export function delivery(message: ChatMessage): [symbol: string, label: string] {
  switch (message.ack) {
    case '-1':
      return ['!', 'not sent'];
    case '3':
      return ['✓✓', 'delivered'];
    case '4':
      return ['✓✓', 'read'];
    case '0':
    case undefined:
      return ['…', 'waiting'];
    default:
      return ['✓', 'sent'];
  }
}

/** The time for today, else the date. */
export function shortTime(timestamp: Timestamp): string {
  const then = new Date(timestampMs(timestamp));
  const now = new Date();
  if (then.toDateString() === now.toDateString()) {
    return timeOfDay.format(then);
  }
  return now.getTime() - then.getTime() < 300 * DAY_MS ? day.format(then) : dayOfYear.format(then);
}

export function longTime(timestamp: Timestamp): string {
  return whole.format(timestampMs(timestamp));
}

export function isoTime(timestamp: Timestamp): string {
  return new Date(timestampMs(timestamp)).toISOString();
}

/** Initials of a name. */
export function initials(name: string): string {
  const parts = name.split(/\s+/).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  return parts.slice(0, 2).map((word) => [...word][0].toUpperCase()).join('');
}

/** A stable color class for a chat. */
export function colorOf(chatId: string): string {
  const sum = [...chatId].reduce((total, letter) => total + letter.charCodeAt(0), 0);
  return `color-${sum % AVATAR_COLORS}`;
}
