// What waits to be sent through a number, and what failed.
import { useEffect, useState } from 'preact/hooks';
import type { Session, SessionSend } from '../api';
import { failureWords } from '../failures';
import { showFailure } from '../model/notices';
import { format, route } from '../model/route';
import { nameOf, phone } from '../texts';
import { useDesk } from './desk';

const PAUSE_MS = 5_000;
const TYPES: Record<string, string> = {
  text: 'Message', media: 'File', location: 'Location', contacts: 'Contact', poll: 'Poll', template: 'Template', reaction: 'Reaction', edit: 'Edit',
  delete: 'Deletion', archived: 'Archiving', pinned: 'Pin', muted: 'Mute', read: 'Read mark',
};
const when = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export function momentOf(milliseconds: bigint): string {
  return when.format(Number(milliseconds));
}

/** Loaded again and again while it is unfolded. */
export function Queue(props: { session: Session; isOpen: boolean; onLeave: () => void }) {
  const { session, onLeave } = props;
  const { numbers } = useDesk();
  const [isOpen, setOpen] = useState(props.isOpen);
  useEffect(() => {
    if (!isOpen) {
      return;
    }
    void numbers.loadQueue(session.id).catch(showFailure);
    // A failure keeps what is known.
    const timer = setInterval(() => document.visibilityState === 'visible' && void numbers.loadQueue(session.id).catch(() => undefined), PAUSE_MS);
    return () => clearInterval(timer);
  }, [isOpen, session.id]);
  const { waiting = [], failed = [], hasMore = false } = numbers.queues.value.get(session.id) ?? {};
  return (
    <details class="queue" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Sending</summary>
      {numbers.queues.value.has(session.id) ? <p class="quiet">{waiting.length > 0 ? `${waiting.length}${hasMore ? '+' : ''} waiting to be sent` : 'Nothing waits to be sent.'}</p> : <p class="quiet">Loading…</p>}
      {waiting.length > 0 && (
        <ul class="rows" aria-label="Waiting to be sent">
          {waiting.map((send) => <Send key={send.queueId} session={session} send={send} onLeave={onLeave} />)}
        </ul>
      )}
      {failed.length > 0 && (
        <>
          <h4>Last errors</h4>
          <ul class="rows" aria-label="Last errors">
            {failed.map((send) => <Send key={send.queueId} session={session} send={send} onLeave={onLeave} />)}
          </ul>
        </>
      )}
    </details>
  );
}

function Send({ session, send, onLeave }: { session: Session; send: SessionSend; onLeave: () => void }) {
  const { list, numbers, rights } = useDesk();
  const isWaiting = send.state === 'queued' || send.state === 'sending';
  const chatId = send.chatJid.replace('@s.whatsapp.net', '@c.us');
  const { pinned, chats } = list.rows.value;
  const listed = [...pinned, ...chats].find((chat) => chat.chatId === chatId);
  const attempts = Number(send.attempts);
  const address = format({ ...route.value, chatId, through: session.phoneNumber, message: send.messageId ?? '', details: '' });
  const reason = send.reason || (isWaiting ? '' : 'not sent');
  const words = failureWords(reason);
  return (
    <li>
      <span>
        <a href={address} onClick={onLeave}>{TYPES[send.type] ?? send.type} to <span dir="auto">{listed ? nameOf(listed) : phone(chatId)}</span></a>
        <small>{isWaiting ? `since ${momentOf(send.createdAt)}` : momentOf(send.updatedAt)}{attempts > 0 && `, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`}</small>
        {reason !== '' && <small class="failure" title={words === reason ? undefined : reason}>{words}</small>}
      </span>
      {send.state === 'queued' && rights.maySend && <button type="button" onClick={() => void numbers.cancel(session.id, send)}>Cancel</button>}
    </li>
  );
}
