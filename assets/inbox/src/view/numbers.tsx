// The dialog about the organization's numbers.
import { useEffect, useRef } from 'preact/hooks';
import type { Connection, Session, SessionSend } from '../api';
import { phone } from '../texts';
import { useDesk } from './desk';
import { Icon } from './icons';

const KINDS: Record<string, string> = { waha: 'WAHA', cloud_api: 'WhatsApp Cloud API', simulator: 'Simulator', external: 'Own connector' };
const STATES: Record<string, string> = {
  connected: 'connected', connecting: 'connecting…', disconnected: 'not connected', logged_out: 'logged out',
};
const TYPES: Record<string, string> = {
  text: 'Message', media: 'File', location: 'Location', contacts: 'Contact', poll: 'Poll', template: 'Template', reaction: 'Reaction', edit: 'Edit',
  delete: 'Deletion', archived: 'Archiving', pinned: 'Pin', muted: 'Mute', read: 'Read mark',
};
const when = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** The state of a number in words. Without a connection, its last state does not say whether it can send. */
export function StateOf({ session: { status, hasConnection } }: { session: Session }) {
  return hasConnection === false ? <span class="quiet">cannot send</span> : <span class={`quiet status ${status}`}>{STATES[status] ?? status}</span>;
}

/** A line above the list while a number is not connected. */
export function Warning() {
  const { api, numbers } = useDesk();
  const lost = api.sessions.value.filter(({ status }) => status === 'disconnected' || status === 'logged_out');
  if (lost.length === 0) {
    return null;
  }
  const names = lost.length === 1 ? nameOf(lost[0]) : `${lost.length} numbers`;
  return (
    <button type="button" class="warning" onClick={() => void numbers.open()}>
      <Icon name="failed" />{names} {lost.length === 1 ? 'is' : 'are'} not connected to WhatsApp
    </button>
  );
}

export function Numbers() {
  const { api, numbers } = useDesk();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (numbers.isOpen.value) {
      dialog.current?.showModal();
    }
  }, [numbers.isOpen.value]);
  return (
    <dialog id="numbers" ref={dialog} aria-labelledby="numbers-title" onClose={() => (numbers.isOpen.value = false)}>
      <h2 id="numbers-title">Your numbers</h2>
      {numbers.isOpen.value && api.sessions.value.map((session) => (
        <NumberState key={session.id} session={session} connection={numbers.connections.value?.get(session.id)}
          sends={numbers.troubles.value.get(session.id) ?? []} />
      ))}
      <form method="dialog"><button class="primary">Close</button></form>
    </dialog>
  );
}

function NumberState(props: { session: Session; connection?: Connection; sends: readonly SessionSend[] }) {
  const { session, connection, sends } = props;
  const waiting = sends.filter(({ state }) => state === 'queued' || state === 'sending').length;
  const failed = sends.filter(({ state }) => state === 'failed' || state === 'unknown');
  return (
    <section class="number">
      <h3><span dir="auto">{nameOf(session)}</span> <StateOf session={session} /></h3>
      {connection && <p class="quiet">Connected through: {KINDS[connection.kind] ?? connection.kind}</p>}
      {session.hasConnection === false && <p class="quiet">No connection: chats can be read, but nothing can be sent.</p>}
      {connection?.reason && <p class="failure">{connection.reason}</p>}
      {connection?.lastEventAt !== undefined && <p class="quiet">Last event: {when.format(Number(connection.lastEventAt))}</p>}
      {waiting > 0 && <p class="quiet">{waiting} waiting to be sent</p>}
      {failed.length > 0 && (
        <ul class="rows">
          {failed.map((send) => (
            <li key={send.queueId}>
              <span>{TYPES[send.type] ?? send.type} to {phone(send.chatJid.replace('@s.whatsapp.net', '@c.us'))}<small class="failure">{send.reason || 'not sent'}</small></span>
              <time class="quiet">{when.format(Number(send.updatedAt))}</time>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function nameOf({ label, phoneNumber }: Session): string {
  return label || `+${phoneNumber}`;
}
