// A row of the list: a chat, or a message that a search found.
import type { Chat, ChatMessage } from '../api';
import { summary } from '../content';
import type { Hit } from '../model/search';
import { contactName, isoTime, longTime, nameOf, plain, shortTime, unread } from '../texts';
import { Avatar } from './avatar';
import { useDesk } from './desk';
import { Hidden, Icon } from './icons';
import { Isolated } from './isolated';
import { Ticks } from './ticks';

export function ChatRow({ chat }: { chat: Chat }) {
  const desk = useDesk();
  const count = unread(chat);
  const { labels, assignedTo, latestMessage: message } = chat;
  const session = desk.api.sessions.value.length > 1 ? desk.api.sessionOf(chat)?.label : '';
  return (
    <>
      <Avatar id={chat.chatId} name={nameOf(chat)} />
      <div class="text">
        <div class="title">
          <strong dir="auto">{nameOf(chat)}</strong>
          {chat.isPinned && <span class="state" title="Pinned"><Icon name="pin" /><Hidden>pinned</Hidden></span>}
          {chat.isMuted && <span class="state" title="Muted"><Icon name="mute" /><Hidden>muted</Hidden></span>}
          {chat.isArchived && <span class="state word">archived</span>}
          {chat.closedAt && <span class="state word">closed</span>}
          <Time message={message} />
        </div>
        <div class="line">
          {message?.fromMe && !message.isDeleted && <Ticks message={message} />}
          <span class="preview" dir="auto"><Preview chat={chat} message={message} /></span>
          {count > 0 && <span class="badge">{count}<Hidden> unread</Hidden></span>}
        </div>
        {(session || assignedTo || labels.length > 0) && (
          <div class="about">
            {session && <span class="session">{session}</span>}
            {labels.map((label) => <span class="label" key={label} dir="auto">{plain(label)}</span>)}
            {assignedTo && <span class="assignee" title={assignedTo}><Icon name="person" /><span>{desk.choices.nameOf(assignedTo)}</span></span>}
          </div>
        )}
      </div>
    </>
  );
}

export function HitRow({ found: { hit, chat } }: { found: Hit }) {
  const { message } = hit;
  return (
    <>
      <Avatar id={chat.chatId} name={nameOf(chat)} />
      <div class="text">
        <div class="title">
          <strong dir="auto">{nameOf(chat)}</strong>
          {chat.isArchived && <span class="state word">archived</span>}
          <Time message={message} />
        </div>
        <div class="line found"><span class="preview" dir="auto">{message?.fromMe ? <>You: <bdi>{marked(hit.snippet)}</bdi></> : marked(hit.snippet)}</span></div>
      </div>
    </>
  );
}

function Time({ message }: { message?: ChatMessage }) {
  const timestamp = message?.timestamp;
  return timestamp ? <time datetime={isoTime(timestamp)} title={longTime(timestamp)}>{shortTime(timestamp)}</time> : null;
}

/** The newest message, in a group with its author. */
function Preview({ chat, message }: { chat: Chat; message?: ChatMessage }) {
  if (!message) {
    return null;
  }
  const author = message.author && !message.fromMe && chat.chatType === 'group' ? contactName(chat, message.author).split(' ')[0] : '';
  const text = <Isolated text={summary(message)} />;
  return message.fromMe || author ? <>{message.fromMe ? 'You' : <bdi>{author}</bdi>}: <bdi>{text}</bdi></> : text;
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#x27': "'" };

/** The service marks matches with `<mark>`, its only markup, and escapes everything else. */
function marked(snippet: string) {
  return snippet.split(/(<mark>.*?<\/mark>)/s).map((part, index) => {
    const text = plain(part.replace(/<\/?mark>/g, '').replace(/&(amp|lt|gt|quot|#39|#x27);/g, (_, name: string) => ENTITIES[name]));
    return part.startsWith('<mark>') ? <mark key={index}>{text}</mark> : text;
  });
}
