// The open chat: its header, its messages, and the box to write in.
import type { Chat } from '../api';
import { hasDetails, showDetails } from '../model/details';
import { nameOf, phone, unread } from '../texts';
import { Avatar } from './avatar';
import { Compose } from './compose';
import { useDesk } from './desk';
import { IconButton } from './icons';
import { focus } from './keys';
import { Menu } from './menu';
import { Messages, TryAgain } from './messages';

export function Conversation() {
  const desk = useDesk();
  const { chat, isMissing, isFailed, isOpening } = desk.conversation;
  if (!chat.value) {
    const text = isMissing.value ? 'This chat does not exist, or you may not see it.' : isOpening.value ? 'Loading…' : 'Choose a chat. Press ? for keyboard shortcuts.';
    return (
      <div id="no-chat" class="quiet">
        {isFailed.value ? <TryAgain what="The chat" /> : <p>{text}</p>}
        {(isMissing.value || isFailed.value) && <button type="button" onClick={() => desk.close()}>Back to the list</button>}
      </div>
    );
  }
  return (
    <article id="chat" aria-labelledby="chat-name">
      <Header chat={chat.value} />
      <Messages chat={chat.value} />
      <Compose chat={chat.value} />
    </article>
  );
}

function Header({ chat }: { chat: Chat }) {
  const desk = useDesk();
  const { actions, rights } = desk;
  const session = desk.api.sessionOf(chat);
  const members = Number(chat.memberCount);
  const who = chat.chatType === 'group' ? `${members} ${members === 1 ? 'member' : 'members'}` : phone(chat.chatId);
  const through = desk.api.sessions.value.length > 1 ? ` · ${session?.label || phone(chat.orgPhone)}` : '';
  const back = () => {
    desk.close();
    focus('list');
  };
  const items = !rights.maySend ? [] : [
    { label: chat.closedAt ? 'Reopen' : 'Close', icon: chat.closedAt ? 'reopen' : 'done', run: () => actions.toggleClosed(chat) },
    { label: chat.isArchived ? 'Unarchive' : 'Archive', icon: chat.isArchived ? 'unarchive' : 'archive', run: () => actions.toggleArchived(chat) },
    { label: unread(chat) > 0 ? 'Mark read' : 'Mark unread', icon: unread(chat) > 0 ? 'read' : 'unread', run: () => desk.toggleRead(chat) },
    { label: chat.isPinned ? 'Unpin' : 'Pin', icon: 'pin', run: () => actions.togglePinned(chat) },
    { label: chat.isMuted ? 'Unmute' : 'Mute for 8 hours', icon: chat.isMuted ? 'unmute' : 'mute', run: () => actions.toggleMuted(chat) },
  ] as const;
  return (
    <div id="chat-head">
      <IconButton id="back" icon="back" label="Back to the list" onClick={back} />
      <Avatar id={chat.chatId} name={nameOf(chat)} />
      <div class="who">
        <h1 id="chat-name" dir="auto">{nameOf(chat)}</h1>
        <p id="chat-about" class="quiet">{who}{through}</p>
      </div>
      {rights.maySend && (
        <div role="toolbar" aria-label="Chat" class="wide">
          {items.map(({ label, icon, run }) => <IconButton key={label} label={label} icon={icon} onClick={() => void run()} />)}
        </div>
      )}
      <IconButton icon="details" label="Details" isPressed={hasDetails.value} onClick={() => showDetails(!hasDetails.value)} />
      {rights.maySend && (
        <Menu label="More" icon="menu" class="narrow">
          {items.map(({ label, run }) => <button type="button" role="menuitem" key={label} onClick={() => void run()}>{label}</button>)}
        </Menu>
      )}
    </div>
  );
}
