// What can be done with a message.
import type { Chat, ChatMessage } from '../api';
import { bodyOf } from '../content';
import { showFailure } from '../model/notices';
import { useDesk } from './desk';
import { REACTIONS } from './emoji';
import { wantedFocus } from './focus';
import { Menu } from './menu';

export function MessageMenu({ chat, message }: { chat: Chat; message: ChatMessage }) {
  const { sender, conversation } = useDesk();
  const body = bodyOf(message);
  const canSend = sender.refusal(chat) === '';
  const reply = () => {
    conversation.editing.value = undefined;
    conversation.replyTo.value = message;
    wantedFocus.value = 'compose';
  };
  const edit = () => {
    conversation.replyTo.value = undefined;
    conversation.editing.value = message;
    wantedFocus.value = 'compose';
  };
  const copy = () => void navigator.clipboard.writeText(body).catch(showFailure);
  if (!canSend && body === '') {
    return null;
  }
  return (
    <Menu label="Message" icon="down" class="message-menu">
      {canSend && (
        <div class="reactions-row" role="group" aria-label="React">
          {REACTIONS.map((emoji) => <button type="button" role="menuitem" key={emoji} aria-label={`React with ${emoji}`} onClick={() => void sender.react(chat, message, emoji)}>{emoji}</button>)}
        </div>
      )}
      {canSend && <button type="button" role="menuitem" onClick={reply}>Reply</button>}
      {body !== '' && <button type="button" role="menuitem" onClick={copy}>Copy text</button>}
      {canSend && message.fromMe && message.messageType === 'chat' && <button type="button" role="menuitem" onClick={edit}>Edit</button>}
      {canSend && message.fromMe && <button type="button" role="menuitem" onClick={() => void sender.remove(chat, message)}>Delete for everyone</button>}
    </Menu>
  );
}
