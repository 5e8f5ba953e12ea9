// What can be done with a message.
import { useState } from 'preact/hooks';
import type { Chat, ChatMessage } from '../api';
import { bodyOf } from '../content';
import { showFailure } from '../model/notices';
import { Confirm } from './confirm';
import { useDesk } from './desk';
import { REACTIONS } from './emoji';
import { wantedFocus } from './focus';
import { Menu } from './menu';

export function MessageMenu({ chat, message }: { chat: Chat; message: ChatMessage }) {
  const { sender, drafts } = useDesk();
  const [isAsking, setAsking] = useState(false);
  const body = bodyOf(message);
  const own = message.reactions.find(({ contactId }) => contactId === chat.orgPhone)?.emoji ?? '';
  const emojis = own === '' || REACTIONS.includes(own) ? REACTIONS : [own, ...REACTIONS];
  // WhatsApp does not have a message that failed, and not yet one that waits.
  const canSend = sender.refusal(chat) === '' && message.ack !== '-1';
  const canEdit = canSend && message.fromMe && message.messageType === 'chat' && message.ack !== '0';
  const reply = () => {
    drafts.change(chat, { editing: undefined, replyTo: message });
    wantedFocus.value = 'compose';
  };
  const edit = () => {
    drafts.change(chat, { editing: message, edited: message.body ?? '' });
    wantedFocus.value = 'compose';
  };
  const copy = () => void navigator.clipboard.writeText(body).catch(showFailure);
  if (!canSend && body === '') {
    return null;
  }
  const leave = () => {
    setAsking(false);
    wantedFocus.value = 'messages';
  };
  return (
    <>
      <Menu label="Message" icon="down" class="message-menu">
        {canSend && (
          <div class="reactions-row" role="group" aria-label="React">
            {emojis.map((emoji) => (
              <button type="button" role="menuitem" key={emoji} class={emoji === own ? 'set' : ''} aria-label={emoji === own ? `Remove your reaction ${emoji}` : `React with ${emoji}`}
                onClick={() => void sender.react(chat, message, emoji === own ? '' : emoji)}>{emoji}</button>
            ))}
          </div>
        )}
        {canSend && <button type="button" role="menuitem" onClick={reply}>Reply</button>}
        {body !== '' && <button type="button" role="menuitem" onClick={copy}>Copy text</button>}
        {canEdit && <button type="button" role="menuitem" onClick={edit}>Edit</button>}
        {canSend && message.fromMe && <button type="button" role="menuitem" onClick={() => setAsking(true)}>Delete for everyone</button>}
      </Menu>
      {isAsking && <Confirm question="Delete this message for everyone?" action="Delete" onConfirm={() => void sender.remove(chat, message)} onClose={leave} />}
    </>
  );
}
