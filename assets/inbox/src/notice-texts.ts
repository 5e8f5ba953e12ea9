// The words of WhatsApp's own notices between messages: calls, changes of a group, security codes.
import type { ChatMessage } from './api';
import { type Fields, fields, number, text } from './json';
import { isolate, length, plain } from './texts';

/** Names a person by a contact id. */
export type Names = (contact: string) => string;

type Words = (details: Details) => string;

interface Details {
  /** Who did it; empty when it is not known. */
  who: string;
  /** Whom it was done to. */
  whom: readonly string[];
  /** What WhatsApp calls it, such as `add`. */
  kind: string;
  body: string;
  message: ChatMessage;
  raw: Fields;
}

/** What changed in a group, by WhatsApp's name of the change. */
const GROUP: Record<string, Words> = {
  add: ({ who, whom }) => (isOthers(who, whom) ? `${who} added ${list(whom)}` : `${list(whom)} joined`),
  create: ({ who }) => by(who, 'created the group', 'The group was created'),
  delete: ({ who }) => by(who, 'closed the group', 'The group was closed'),
  demote: ({ whom }) => `${list(whom)} ${are(whom, 'no longer an admin', 'no longer admins')}`,
  description: ({ who }) => by(who, 'changed the description of the group', 'The description of the group changed'),
  invite: ({ whom }) => `${list(whom)} joined with an invitation link`,
  leave: ({ who, whom }) => `${whom.length > 0 ? list(whom) : who || 'Somebody'} left`,
  linked_group_join: ({ whom }) => `${list(whom)} joined`,
  picture: ({ who }) => by(who, 'changed the picture of the group', 'The picture of the group changed'),
  promote: ({ whom }) => `${list(whom)} ${are(whom, 'an admin now', 'admins now')}`,
  remove: ({ who, whom }) => (isOthers(who, whom) ? `${who} removed ${list(whom)}` : `${list(whom)} left`),
  revoke_invite: ({ who }) => by(who, 'replaced the invitation link', 'The invitation link was replaced'),
  subject: ({ who, body }) => by(who, `named the group “${isolate(body)}”`, body ? `The group is now named “${isolate(body)}”` : 'The name of the group changed'),
  announce: ({ who, body }) => by(who, body === 'off' ? 'lets all members write' : 'lets only admins write', 'Who may write to the group changed'),
  restrict: ({ who, body }) => by(who, body === 'off' ? 'lets all members change the group' : 'lets only admins change the group', 'Who may change the group changed'),
};

/** Of each type that WhatsApp has for notices. Empty where it says nothing to people. */
const NOTICES: Record<string, Words> = {
  call_log: callOf,
  call: callOf,
  missed_call: callOf,
  gp2: groupOf,
  group_notification: groupOf,
  e2e_notification: ({ who, kind }) => (kind === 'identity' ? codeOf(who) : 'Messages and calls are encrypted from end to end'),
  security_notification: ({ who }) => codeOf(who),
  pin_message: ({ who }) => by(who, 'pinned a message', 'A message was pinned'),
  pinned_message: ({ who }) => by(who, 'pinned a message', 'A message was pinned'),
  keep_in_chat: ({ who }) => by(who, 'kept a disappearing message', 'A disappearing message was kept'),
  poll_update: ({ who, body }) => by(who, `voted${body && ` for ${isolate(body)}`} in a poll`, 'Somebody voted in a poll'),
  event_response: ({ who }) => by(who, 'answered the invitation to an event', 'The invitation to an event was answered'),
  reaction: ({ who, body }) => (body ? by(who, `reacted with ${isolate(body)}`, `Reaction: ${isolate(body)}`) : ''),
  broadcast_notification: ({ body }) => body || 'The broadcast list changed',
  newsletter_notification: ({ body }) => body || 'The channel changed',
  bot_notification: ({ body }) => body || 'Notice from WhatsApp about a bot',
  status_notification: ({ body }) => body || 'Notice from WhatsApp about a status update',
  notification: ({ body }) => body || 'Notice from WhatsApp',
  notification_template: ({ body }) => body || 'Notice from WhatsApp',
  system: ({ who, body, raw }) => body || (raw.type === 'request_welcome' ? by(who, 'opened the chat', 'The chat was opened') : 'Notice from WhatsApp'),
  protocol: () => '',
  debug: () => '',
  message_edit: () => '',
  reaction_enc: () => '',
};

/** The words of a notice, with isolated names; empty if it says nothing; undefined for a message of a person. */
export function noticeOf(message: ChatMessage, names: Names, own: string): string | undefined {
  const words = NOTICES[message.messageType ?? ''];
  if (!words) {
    return undefined;
  }
  const raw = fields(message.rawData);
  const person = (id: string) => (id === own ? 'you' : isolate(names(id)));
  const recipients = [raw.recipients, raw.recipientIds, raw.templateParams].find(Array.isArray) ?? [];
  const ids = recipients.map((recipient) => contactId(recipient));
  const by = message.fromMe ? own : (message.author ?? message.senderPhone ?? '');
  const details: Details = {
    who: by === '' ? '' : person(by),
    whom: ids.filter((id) => id !== '').map(person),
    kind: text(raw, 'subtype', 'type'),
    body: plain(message.body ?? ''),
    message,
    raw,
  };
  const sentence = words(details);
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** Whether nothing of the message is shown. */
export function isSilent(message: ChatMessage): boolean {
  return noticeOf(message, (contact) => contact, '') === '';
}

export function isNotice({ messageType }: ChatMessage): boolean {
  return messageType !== undefined && messageType in NOTICES;
}

function callOf({ message, kind, body, raw }: Details): string {
  const type = message.messageType ?? '';
  const isVideo = /video/i.test(kind) || /video/i.test(body) || raw.isVideoCall === true || raw.isVideo === true;
  const outcome = text(raw, 'callOutcome', 'finalCallResult');
  const isMissed = type === 'missed_call' || /^miss/i.test(kind) || /miss/i.test(outcome) || /missed/i.test(body);
  const seconds = Number(message.duration) || number(raw, 'callDuration', 'duration') || 0;
  const call = isVideo ? 'video call' : 'voice call';
  return `${isVideo ? '📹' : '📞'} ${isMissed ? `Missed ${call}` : capital(call)}${seconds > 0 ? ` · ${length(seconds)}` : ''}`;
}

function groupOf(details: Details): string {
  const { kind, whom, body } = details;
  const needsWhom = ['add', 'demote', 'invite', 'linked_group_join', 'promote', 'remove'].includes(kind);
  const words = needsWhom && whom.length === 0 ? undefined : GROUP[kind];
  return words ? words(details) : body || 'The group changed';
}

function codeOf(who: string): string {
  return who === '' ? 'A security code changed' : `The security code of ${who} changed`;
}

function by(who: string, did: string, otherwise: string): string {
  return who === '' ? otherwise : `${who} ${did}`;
}

/** Whether somebody did it to others. */
function isOthers(who: string, whom: readonly string[]): boolean {
  return who !== '' && !whom.includes(who);
}

function are(whom: readonly string[], one: string, several: string): string {
  return whom.length > 1 ? `are ${several}` : `${whom[0] === 'you' ? 'are' : 'is'} ${one}`;
}

/** `Ana, Bruno and Carla` */
function list(names: readonly string[]): string {
  return names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}` : (names[0] ?? '');
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The contact of `15550101000@s.whatsapp.net`, or of WhatsApp's object of an id. */
function contactId(recipient: unknown): string {
  const id = typeof recipient === 'string' ? recipient : String((recipient as { _serialized?: string } | null)?._serialized ?? '');
  return id.replace(/(:\d+)?@(s\.whatsapp\.net|c\.us)$/, '@c.us');
}
