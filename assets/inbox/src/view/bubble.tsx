// A message, or a notice of WhatsApp between messages.
import type { Chat, ChatMessage } from '../api';
import { bodyOf, cardsOf, isSameContent, kindOf, mediaOf, placeOf, pollOf, summary } from '../content';
import { failureWords } from '../failures';
import { noticeOf } from '../notice-texts';
import { clockTime, colorOf, contactName, isByMember, isoTime, longTime, mentionsOf, phone, senderOf, sentAt } from '../texts';
import { useDesk } from './desk';
import { wantedFocus } from './focus';
import { Icon } from './icons';
import { Formatted } from './formatted';
import { Isolated } from './isolated';
import { MediaView } from './media';
import { MessageMenu } from './message-menu';
import { Ticks } from './ticks';

interface Props {
  chat: Chat;
  message: ChatMessage;
  /** Whether the message before is of the same sender. */
  isTogether: boolean;
  isTarget: boolean;
}

export function Bubble({ chat, message, isTogether, isTarget }: Props) {
  const desk = useDesk();
  const notice = noticeOf(message, (id) => contactName(chat, id), chat.orgPhone);
  if (notice === '') {
    return null;
  }
  if (notice !== undefined) {
    return (
      <li class="separator notice" data-message={message.messageId}>
        <span dir="auto" title={message.timestamp && longTime(message.timestamp)}><Isolated text={notice} /></span>
      </li>
    );
  }
  const sender = senderOf(chat, message, (email) => desk.choices.nameOf(email));
  const isNamed = !isTogether && (message.fromMe ? isByMember(message) : chat.chatType === 'group');
  return (
    <li class={`bubble ${message.fromMe ? 'ours' : 'theirs'} ${isTogether ? 'together' : ''} ${isTarget ? 'target' : ''}`} data-message={message.messageId}>
      {isNamed ? <div class={`sender ${message.fromMe ? '' : colorOf(message.author ?? '')}`} dir="auto">{sender}</div> : <span class="hidden">{sender}</span>}
      {message.isForwarded && !message.isDeleted && <div class="forwarded"><Icon name="forwarded" />Forwarded</div>}
      {message.isDeleted ? <p class="deleted">This message was deleted</p> : <Content chat={chat} message={message} />}
      {!message.isDeleted && <MessageMenu chat={chat} message={message} />}
      <Foot message={message} />
      <Failure chat={chat} message={message} />
      <Reactions chat={chat} message={message} />
    </li>
  );
}

function Content({ chat, message }: { chat: Chat; message: ChatMessage }) {
  const [media, place, poll, cards] = [mediaOf(message), placeOf(message), pollOf(message), cardsOf(message)];
  const body = bodyOf(message);
  const kind = kindOf(message);
  const isShown = media || place || poll || cards.length > 0 || kind !== '';
  return (
    <>
      <Quote chat={chat} message={message} />
      {kind !== '' && <p class="kind" dir="auto"><Isolated text={kind} /></p>}
      {media && <MediaView message={message} media={media} />}
      {place && (
        <a class="card" href={`https://www.openstreetmap.org/?mlat=${place.latitude}&mlon=${place.longitude}#map=16/${place.latitude}/${place.longitude}`} target="_blank" rel="noopener noreferrer">
          <Icon name="place" /><span><span dir="auto">{place.name || place.address || (message.messageType === 'live_location' ? 'Live location' : 'Location')}</span>
            <small dir="auto">{(place.name && place.address) || `${place.latitude.toFixed(5)}, ${place.longitude.toFixed(5)}`}</small></span>
        </a>
      )}
      {cards.map(({ name, phones }) => (
        <div class="card" key={name}><Icon name="person" /><span><span dir="auto">{name}</span><small>{phones.join(', ')}</small></span></div>
      ))}
      {poll && (
        <div class="poll">
          <strong dir="auto">{poll.question}</strong>
          <ul>{poll.options.map(({ text, votes }) => <li key={text}><span dir="auto">{text}</span><span>{votes}</span></li>)}</ul>
        </div>
      )}
      {body ? <p dir="auto"><Formatted text={body} mentions={mentionsOf(chat, message)} /></p> : !isShown && <p class="kind"><Isolated text={summary(message)} /></p>}
    </>
  );
}

/** The message that this one replies to. */
function Quote({ chat, message }: { chat: Chat; message: ChatMessage }) {
  const desk = useDesk();
  const id = message.quotedMessageId;
  if (!id) {
    return null;
  }
  const quoted = desk.conversation.messages.value.find(({ messageId, uniqueId }) => messageId === id || uniqueId === id);
  return (
    <button type="button" class="quote" onClick={() => desk.open(chat, id)}>
      {quoted && <strong dir="auto">{senderOf(chat, quoted, (email) => desk.choices.nameOf(email))}</strong>}
      <span dir="auto"><Isolated text={quoted ? summary(quoted) : 'An earlier message'} /></span>
    </button>
  );
}

function Foot({ message }: { message: ChatMessage }) {
  return (
    <div class="foot">
      {message.isStarred && <span title="Starred">★</span>}
      {message.prevBody !== undefined && !message.isDeleted && <span title={`Before: ${message.prevBody}`}>edited</span>}
      {message.timestamp && <time datetime={isoTime(message.timestamp)} title={longTime(message.timestamp)}>{clockTime(message.timestamp)}</time>}
      {message.fromMe && !message.isDeleted && <Ticks message={message} />}
    </div>
  );
}

function Reactions({ chat, message }: { chat: Chat; message: ChatMessage }) {
  if (message.reactions.length === 0) {
    return null;
  }
  const emojis = [...new Set(message.reactions.map(({ emoji }) => emoji))];
  const who = message.reactions.map(({ contactId, emoji }) => `${emoji} ${chat.members[contactId]?.contactName ?? phone(contactId)}`);
  return (
    <span class="reactions" title={who.join('\n')}>
      {emojis.join('')}{message.reactions.length > 1 ? ` ${message.reactions.length}` : ''}
    </span>
  );
}

/** Why a message was not sent, and what became of it. */
function Failure({ chat, message }: { chat: Chat; message: ChatMessage }) {
  const why = message.failureReason ?? '';
  if (!message.fromMe || message.isDeleted || (message.ack !== '-1' && !(message.ack === '0' && why !== ''))) {
    return null;
  }
  const words = failureWords(why);
  return (
    <div class="failure">
      <span title={words === why ? undefined : why}>{message.ack === '0' ? 'WhatsApp may or may not have it' : 'Not sent'}{words !== '' && `: ${words}`}</span>
      <Again chat={chat} message={message} />
    </div>
  );
}

function Again({ chat, message }: { chat: Chat; message: ChatMessage }) {
  const { sender, conversation } = useDesk();
  const isThere = conversation.messages.value.some((other) => sentAt(other) > sentAt(message) && isSameContent(other, message));
  const done = sender.repetition(message) || (isThere ? 'Sent again' : '');
  if (done !== '') {
    return <span class="quiet">{done}</span>;
  }
  if (!sender.canRepeat(message) || sender.refusal(chat) !== '') {
    return null;
  }
  const repeat = () => {
    wantedFocus.value = 'messages';
    void sender.again(chat, message);
  };
  return <button type="button" class="link" onClick={repeat}>Send again</button>;
}
