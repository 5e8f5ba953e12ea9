// Messages on their way to the service, below those that are stored.
import type { Chat } from '../api';
import type { Pending } from '../model/sender';
import { chatKey } from '../phones';
import { nameOf, size } from '../texts';
import { useDesk } from './desk';
import { Hidden, Icon } from './icons';

export function PendingMessages({ chat }: { chat: Chat }) {
  const { sender, conversation } = useDesk();
  if (conversation.hasNewer.value) {
    return null;
  }
  return sender.pending.value
    .filter((pending) => chatKey(pending.chat) === chatKey(chat))
    .map((pending) => <Waiting key={pending.key} pending={pending} />);
}

/** Leads to the messages that could not be sent in other chats. */
export function Unsent() {
  const desk = useDesk();
  const [first, ...others] = desk.sender.unsent.value;
  if (!first) {
    return null;
  }
  return (
    <button type="button" class="warning" onClick={() => desk.open(first.chat)}>
      <Icon name="failed" /> {others.length > 0 ? `${others.length + 1} messages not sent` : <>1 message not sent to <bdi>{nameOf(first.chat)}</bdi></>}
    </button>
  );
}

function Waiting({ pending }: { pending: Pending }) {
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
          <button type="button" class="link" onClick={() => void sender.retry(pending)}>Try again</button>
          <button type="button" class="link" onClick={() => sender.discard(key)}>Discard</button>
        </div>
      )}
    </li>
  );
}
