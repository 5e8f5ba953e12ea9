// Failed calls: what they mean for the page, and what people read.
import { Code, ConnectError } from '@connectrpc/connect';

/** What a failed call shows. */
export function reason(error: unknown): string {
  const { code, rawMessage } = ConnectError.from(error);
  switch (code) {
    case Code.PermissionDenied:
      return lacking(rawMessage) ?? rawMessage;
    case Code.Unavailable:
    case Code.DeadlineExceeded:
    case Code.Unknown:
      return 'the service does not answer; try again';
    case Code.ResourceExhausted:
      return 'too much at once; try again in a moment';
    default:
      return inWords(rawMessage);
  }
}

/** What the fields of the API are to people. */
const FIELDS: Record<string, string> = {
  access: 'the access', assigned_to: 'the assignee', custom_properties: 'the property', edited_body: 'the text', labels: 'the label', message: 'the text',
  media: 'the file', 'media.filename': 'the name of the file', 'media.mimetype': 'the type of the file', query: 'the search', reaction: 'the reaction',
};

/** Sentences of the service that are about its API, in words for people. */
const SENTENCES: Record<string, string> = {
  'media must have either url or filedata': 'the file is empty',
  'message_id must be a message that the number sent': 'this number has not sent the message',
  'reply_to must be a message of the chat': 'the message that it replies to is not in this chat any more',
  'session has no connection': 'the number has no connection to WhatsApp',
  'phone not found': 'the number of this chat is not attached any more',
  'session not found': 'the number of this chat is not attached any more',
  'it is not queued any more': 'it does not wait any more',
  'the idempotency key was used for another request': 'something else was sent in its place; write it anew',
};

/** A message of the service without the field of the API that it names, as in "assigned_to: must be …" or "X-phone must be …". */
function inWords(message: string): string {
  const sentence = SENTENCES[message[0]?.toLowerCase() + message.slice(1)];
  if (sentence !== undefined) {
    return sentence;
  }
  const [, unable] = /^type must be one that the connection can send: (.*)$/i.exec(message) ?? [];
  if (unable !== undefined) {
    return /\b(cannot|has no)\b/.test(unable) ? unable : `the number cannot ${unable}`;
  }
  const [, path, problem] = /^([a-z]+(?:[-_.][\w-]+|\[[^\]]*\])*):? ((?:must|may|is missing|cannot be decoded|the values)\b.*)$/is.exec(message) ?? [];
  if (path === undefined) {
    return message.replace(/^[a-z_.]+: /i, '');
  }
  const name = nameOf(path.toLowerCase());
  return name === undefined ? 'the service does not accept this' : /^the /.test(problem) ? problem : `${name} ${problem}`;
}

/** `chat.labels[2]` is a label. */
function nameOf(path: string): string | undefined {
  const whole = path.replace(/\[[^\]]*\]/g, '').replace(/^chat\./, '');
  return FIELDS[whole] ?? FIELDS[whole.split('.')[0]];
}

/** What the service refuses for want of a capability, which it names. */
function lacking(message: string): string | undefined {
  const reasons: Record<string, string> = {
    read: 'this key or login may not read chats',
    send: 'your sign-in may read, but neither change nor send anything',
    manage: 'your sign-in may not manage the organization',
  };
  return reasons[/capability `(\w+)`/.exec(message)?.[1] ?? ''];
}

export function isNotAllowed(error: unknown): boolean {
  return ConnectError.from(error).code === Code.PermissionDenied;
}

/** Whether a retry with this token cannot succeed. */
export function isFinal(error: unknown): boolean {
  return [Code.Unauthenticated, Code.PermissionDenied].includes(ConnectError.from(error).code);
}

/** Whether the service rejected a resume token: it is too old or not its own. */
export function isForgotten(error: unknown): boolean {
  return [Code.OutOfRange, Code.InvalidArgument].includes(ConnectError.from(error).code);
}

/** Whether a number cannot send because nothing connects it to WhatsApp. */
export function isNotConnected(error: unknown): boolean {
  return ConnectError.from(error).code === Code.FailedPrecondition;
}
