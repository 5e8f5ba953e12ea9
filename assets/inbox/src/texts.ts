// Texts that describe chats and messages.
import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';
import type { Chat, ChatMessage } from './api';
import { digits } from './phones';

const AVATAR_COLORS = 6;
const DAY_MS = 24 * 60 * 60 * 1000;

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const wholeDay = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const sizes = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

/** Without the control characters that change the direction of what follows. */
export function plain(text: string): string {
  return text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '');
}

/** A name or text of people between words of the page: its direction is its own. Views show it with `Isolated`. */
export function isolate(text: string): string {
  return `\u2068${plain(text)}\u2069`;
}

export function nameOf(chat: Chat): string {
  return plain(chat.chatName ?? '').trim() || phone(chat.chatId);
}

/** The number of a person; a group or a person without a number has none. */
export function phone(id: string): string {
  return id.endsWith('@c.us') ? `+${digits(id)}` : id.endsWith('@g.us') ? 'Group' : digits(id);
}

export function sentAt(message: ChatMessage): number {
  return message.timestamp ? timestampMs(message.timestamp) : 0;
}

/** Time of the newest message in Unix ms; 0 without messages. */
export function activity(chat: Chat): number {
  return chat.latestMessage ? sentAt(chat.latestMessage) : 0;
}

export function unread(chat: Chat): number {
  return Number(chat.messageUnreadCount ?? 0n);
}

/** Name of the sender. */
export function senderOf(chat: Chat, message: ChatMessage, nameOfMember: (email: string) => string): string {
  if (message.fromMe) {
    return isByMember(message) ? nameOfMember(message.performedBy ?? '') : 'You';
  }
  const sender = message.author || message.senderPhone || message.chatId;
  return contactName(chat, sender);
}

/** Whether a member sent it from the shared inbox; others are sent by programs, or on a phone. */
export function isByMember({ performedBy }: ChatMessage): boolean {
  return performedBy?.includes('@') ?? false;
}

/** The people that a message mentions: their names by how its text refers to them. */
export function mentionsOf(chat: Chat, { mentionedIds }: ChatMessage): ReadonlyMap<string, string> {
  return new Map(mentionedIds.map((id) => [`@${digits(id)}`, `@${contactName(chat, id)}`]));
}

export function contactName(chat: Chat, contact: string): string {
  const name = plain(chat.members[contact]?.contactName ?? '');
  return name || (contact === chat.chatId ? nameOf(chat) : phone(contact));
}

/** Time of day for today, else "Yesterday", the weekday or the date. */
export function shortTime(timestamp: Timestamp): string {
  const then = new Date(timestampMs(timestamp));
  const days = daysAgo(then);
  if (days <= 0) {
    return timeOfDay.format(then);
  }
  return days === 1 ? 'Yesterday' : days < 7 ? weekday.format(then) : (days < 300 ? day : dayOfYear).format(then);
}

export function clockTime(timestamp: Timestamp): string {
  return timeOfDay.format(timestampMs(timestamp));
}

/** The day of a separator between messages. */
export function dayOf(timestamp: Timestamp): string {
  const then = new Date(timestampMs(timestamp));
  const days = daysAgo(then);
  return days === 0 ? 'Today' : days === 1 ? 'Yesterday' : wholeDay.format(then);
}

export function longTime(timestamp: Timestamp): string {
  return whole.format(timestampMs(timestamp));
}

export function isoTime(timestamp: Timestamp): string {
  return new Date(timestampMs(timestamp)).toISOString();
}

/** `48 kB` */
export function size(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB'];
  const unit = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  if (bytes === 1) {
    return '1 byte';
  }
  return `${sizes.format(bytes / 1000 ** unit)} ${units[unit]}`;
}

/** `1:05` */
export function length(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
}

/** Initials of a name. */
export function initials(name: string): string {
  const parts = name.split(/\s+/).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  return parts.slice(0, 2).map((word) => [...word][0].toUpperCase()).join('');
}

/** A stable color class for a chat or a person. */
export function colorOf(id: string): string {
  const sum = [...id].reduce((total, letter) => total + letter.charCodeAt(0), 0);
  return `color-${sum % AVATAR_COLORS}`;
}

function daysAgo(then: Date): number {
  const midnight = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  return Math.round((midnight(new Date()) - midnight(then)) / DAY_MS);
}
