// The dialog about the organization's numbers.
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Connection, Session } from '../api';
import { useDesk } from './desk';
import { Icon } from './icons';
import { momentOf, Queue } from './queue';

const KINDS: Record<string, string> = { waha: 'WAHA', cloud_api: 'WhatsApp Cloud API', simulator: 'Simulator', external: 'Own connector' };
const STATES: Record<string, string> = {
  connected: 'connected', connecting: 'connecting…', disconnected: 'not connected', logged_out: 'logged out',
};
/** Numbers whose queues are shown at once; each is a few requests every few seconds. */
const FEW = 5;

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
  const { api, numbers, rights } = useDesk();
  const dialog = useRef<HTMLDialogElement>(null);
  const sessions = api.sessions.value;
  useLayoutEffect(() => {
    if (numbers.isOpen.value) {
      dialog.current?.showModal();
    }
  }, [numbers.isOpen.value]);
  return (
    <dialog id="numbers" ref={dialog} aria-labelledby="numbers-title" onClose={() => (numbers.isOpen.value = false)}>
      <h2 id="numbers-title">Your numbers</h2>
      {numbers.isOpen.value && sessions.map((session) => (
        <section class="number" key={session.id}>
          <NumberState session={session} connection={numbers.connections.value?.get(session.id)} />
          {rights.mayManage && <Queue session={session} isOpen={sessions.length <= FEW} onLeave={() => dialog.current?.close()} />}
        </section>
      ))}
      <form method="dialog"><button class="primary">Close</button></form>
    </dialog>
  );
}

function NumberState({ session, connection }: { session: Session; connection?: Connection }) {
  return (
    <>
      <h3><span dir="auto">{nameOf(session)}</span> <StateOf session={session} /></h3>
      {connection && <p class="quiet">Connected through: {KINDS[connection.kind] ?? connection.kind}</p>}
      {session.hasConnection === false && <p class="quiet">No connection: chats can be read, but nothing can be sent.</p>}
      {connection?.reason && <p class="failure">{connection.reason}</p>}
      {connection?.lastEventAt !== undefined && <p class="quiet">Last event: {momentOf(connection.lastEventAt)}</p>}
    </>
  );
}

function nameOf({ label, phoneNumber }: Session): string {
  return label || `+${phoneNumber}`;
}
