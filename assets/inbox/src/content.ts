// What a message contains, in words and in a form that views can show.
import type { JsonValue } from '@bufbuild/protobuf';
import type { ChatMessage } from './api';
import { type Fields, fields, json, number, text } from './json';
import { noticeOf } from './notice-texts';
import { isolate, length, phone, plain } from './texts';

export interface Media {
  kind: 'image' | 'video' | 'audio' | 'document' | 'sticker';
  /** The stored file; empty when there is none. */
  id: string;
  state: string;
  mimetype: string;
  filename: string;
  bytes: number;
}

export interface Place {
  latitude: number;
  longitude: number;
  name: string;
  address: string;
}

export interface Poll {
  question: string;
  options: { text: string; votes: number }[];
}

/** What each kind of message without a text is, in the words of the list. */
const KINDS: Record<string, string> = {
  image: '📷 Photo', video: '🎬 Video', gif: 'GIF', audio: '🎵 Audio', ptt: '🎤 Voice message', document: '📄 Document',
  sticker: 'Sticker', location: '📍 Location', live_location: '📍 Live location', vcard: '👤 Contact', multi_vcard: '👤 Contacts',
  poll_creation: '📊 Poll', order: '🛒 Order', product: '🛍 Product', album: '📷 Album', event: '📅 Event', event_creation: '📅 Event',
  group_invite: 'Invitation to a group', groups_v4_invite: 'Invitation to a group', ciphertext: 'Waiting for this message',
  revoked: 'This message was deleted', interactive: 'Message with buttons', buttons: 'Message with buttons', list: 'Message with a list',
  buttons_response: 'Answer with a button', template_button_reply: 'Answer with a button', list_response: 'Answer from a list',
  native_flow_response: 'Answer to a form', template: 'Template message', hsm: 'Template message', payment: 'Payment', reaction: 'Reaction',
  newsletter_admin_invite: 'Invitation to manage a channel', newsletter_follower_invite: 'Invitation to a channel',
  poll_result_snapshot: '📊 Results of a poll', request_phone_number: 'Request for your phone number', rich_response: 'Answer of a bot',
  scheduled_call: '📞 Planned call', sticker_pack: 'Sticker pack',
};

/** Kinds that the text of the message does not show. */
const NAMED = new Set([
  'order', 'product', 'event', 'event_creation', 'group_invite', 'groups_v4_invite', 'payment', 'album', 'newsletter_admin_invite',
  'newsletter_follower_invite', 'poll_result_snapshot', 'scheduled_call', 'sticker_pack',
]);

const MEDIA_KINDS: Record<string, Media['kind']> = {
  image: 'image', video: 'video', gif: 'video', audio: 'audio', ptt: 'audio', document: 'document', sticker: 'sticker',
};

/** A message in one line; of a notice, the names are isolated. */
export function summary(message: ChatMessage): string {
  if (message.isDeleted) {
    return 'This message was deleted';
  }
  const kind = KINDS[message.messageType ?? ''];
  const notice = noticeOf(message, phone, message.orgPhone);
  if (notice !== undefined) {
    return notice;
  }
  const body = bodyOf(message);
  if (kind && message.messageType !== 'poll_creation' && body) {
    return `${[...kind][0].match(/\p{Extended_Pictographic}/u) ? `${[...kind][0]} ` : ''}${body}`;
  }
  if (message.messageType === 'poll_creation') {
    return `📊 ${pollOf(message)?.question || body || 'Poll'}`;
  }
  return body || kind || mediaOf(message)?.filename || 'Message that this page cannot show';
}

/** Whether the number has sent the same text or file with both. */
export function isSameContent(one: ChatMessage, other: ChatMessage): boolean {
  const [media, otherMedia] = [mediaOf(one), mediaOf(other)];
  const isSameFile = media?.filename === otherMedia?.filename && media?.bytes === otherMedia?.bytes;
  return one.fromMe && other.fromMe && !one.isDeleted && one.messageType === other.messageType && one.body === other.body && isSameFile;
}

/** What a message is that is more than its text; empty for most. */
export function kindOf({ messageType = '', inviteV4 }: ChatMessage): string {
  if (!NAMED.has(messageType)) {
    return '';
  }
  const group = plain(text(fields(inviteV4), 'groupName', 'group_name', 'name', 'subject'));
  return KINDS[messageType] + (group && `: ${isolate(group)}`);
}

/** The text that people wrote. A location or a contact repeats its data as its body. */
export function bodyOf(message: ChatMessage): string {
  const isData = ['location', 'live_location', 'vcard', 'multi_vcard', 'poll_creation', 'sticker'].includes(message.messageType ?? '');
  const body = isData ? '' : plain(message.body ?? '');
  return body !== '' && body === mediaOf(message)?.filename ? '' : body;
}

export function mediaOf(message: ChatMessage): Media | undefined {
  const media = fields(message.media);
  const mimetype = text(media, 'mimetype', 'mime_type', 'mime');
  const kind = MEDIA_KINDS[message.messageType ?? ''] ?? (message.hasMedia ? mediaKind(mimetype) : undefined);
  if (!kind) {
    return undefined;
  }
  const isStored = text(media, 'path').startsWith('/v1/media/') && text(media, 'state') === 'stored';
  return {
    kind,
    id: isStored ? text(media, 'id') : '',
    state: text(media, 'state'),
    mimetype,
    filename: plain(text(media, 'filename', 'file_name', 'name')),
    bytes: number(media, 'size', 'filesize', 'file_size') ?? 0,
  };
}

export function placeOf(message: ChatMessage): Place | undefined {
  const place = fields(message.location);
  const latitude = number(place, 'latitude', 'lat', 'degreesLatitude');
  const longitude = number(place, 'longitude', 'lng', 'degreesLongitude');
  if (latitude === undefined || longitude === undefined) {
    return undefined;
  }
  return { latitude, longitude, name: plain(text(place, 'name', 'description')), address: plain(text(place, 'address')) };
}

/** The names and numbers on the visiting cards. */
export function cardsOf(message: ChatMessage): { name: string; phones: string[] }[] {
  const cards = json(message.vcards);
  return (Array.isArray(cards) ? cards : []).map((card) => {
    const lines = (typeof card === 'string' ? card : text(card as Fields, 'vcard', 'body')).split(/\r?\n/);
    const value = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).map((line) => line.replace(/^[^:]*:/, '').trim());
    const named = typeof card === 'string' ? '' : text(card as Fields, 'displayName', 'name');
    return { name: plain(value(/^FN[;:]/i)[0] ?? named) || 'Contact', phones: value(/^(item\d+\.)?TEL[;:]/i) };
  });
}

export function pollOf(message: ChatMessage): Poll | undefined {
  const poll = fields(message.pollInfo);
  // Beside `pollOptions`, `options` are the settings of the poll.
  const options = [poll.pollOptions, poll.poll_options, poll.options].find((list): list is JsonValue[] => Array.isArray(list));
  if (!options) {
    return undefined;
  }
  const results = json(message.pollResults);
  const votes = (option: string) => {
    const found = (Array.isArray(results) ? results : []).find((result) => nameIn(result) === option);
    const voters = found && typeof found === 'object' && !Array.isArray(found) ? (found.voters ?? found.votes ?? found.count) : 0;
    return Array.isArray(voters) ? voters.length : Number(voters ?? 0) || 0;
  };
  return {
    question: plain(text(poll, 'name', 'question', 'pollName', 'poll_name', 'title')) || plain(message.body ?? ''),
    options: options.map(nameIn).map((option) => ({ text: plain(option), votes: votes(option) })),
  };
}

/** Length of a voice note or video; empty when it is not known. */
export function lengthOf(message: ChatMessage): string {
  const seconds = Number(message.duration);
  return seconds > 0 ? length(seconds) : '';
}

function nameIn(option: JsonValue): string {
  return typeof option === 'string' ? option : text((option ?? {}) as Fields, 'name', 'option', 'optionName', 'text');
}

function mediaKind(mimetype: string): Media['kind'] {
  const kind = mimetype.split('/')[0];
  return kind === 'image' || kind === 'video' || kind === 'audio' ? kind : 'document';
}
