// Messages on their way to the service, below those that are stored.
import type { Chat } from '../api';
import type { Pending } from '../model/sender';
import { size } from '../texts';
import { useDesk } from './desk';
import { Hidden, Icon } from './icons';

export function PendingMessages({ chat }: { chat: Chat }) {
  const { sender } = useDesk();
  return sender.pending.value
    .filter(({ chatId, orgPhone }) => chatId === chat.chatId && orgPhone === chat.orgPhone)
    .map((pending) => <Waiting key={pending.key} chat={chat} pending={pending} />);
}

function Waiting({ chat, pending }: { chat: Chat; pending: Pending }) {
  const { sender } = useDesk();
  const { content, failure, key } = pending;
  return (
    <li class="bubble ours">
      {content.file && <div class="card"><Icon name="file" /><span><span dir="auto">{content.file.name}</span><small>{size(content.file.size)}</small></span></div>}
      {content.text !== '' && <p dir="auto">{content.text}</p>}
      <div class="foot">
        <span class={`ticks ${failure ? 'failed' : ''}`}><Icon name={failure ? 'failed' : 'clock'} /><Hidden>{failure ? 'not sent' : 'waiting to be sent'}</Hidden></span>
      </div>
      {failure !== '' && (
        <div class="failure" role="alert">
          Not sent: {failure}
          <button type="button" class="link" onClick={() => void sender.retry(chat, pending)}>Try again</button>
          <button type="button" class="link" onClick={() => sender.discard(key)}>Discard</button>
        </div>
      )}
    </li>
  );
}
