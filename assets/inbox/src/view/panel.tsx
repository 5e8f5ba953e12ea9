// Beside the conversation: who it is with, who works on it, and what the organization knows about it.
import { useEffect, useState } from 'preact/hooks';
import type { Chat } from '../api';
import { showDetails } from '../model/details';
import { go } from '../model/route';
import { contactName, nameOf, phone, plain } from '../texts';
import { Access } from './access';
import { Avatar } from './avatar';
import { useDesk } from './desk';
import { useFocus } from './focus';
import { History } from './history';
import { IconButton } from './icons';
import { Notes } from './notes';
import { StateOf } from './numbers';
import { Properties } from './properties';

const SOME = 30;
const SOME_GROUPS = 10;

export function Panel({ chat }: { chat: Chat }) {
  return (
    <aside id="panel" aria-label="Details">
      <div class="panel-head">
        <h2>Details</h2>
        <IconButton icon="close" label="Close the details" onClick={() => showDetails(false)} />
      </div>
      <div class="panel-body" tabIndex={0} role="group" aria-label="Details of the chat">
        <div class="person">
          <Avatar id={chat.chatId} name={nameOf(chat)} />
          <strong dir="auto">{nameOf(chat)}</strong>
          <span class="quiet">{chat.chatType === 'group' ? `Group of ${chat.memberCount}` : phone(chat.chatId)}</span>
          {chat.closedAt && <span class="label">Closed</span>}
        </div>
        {chat.groupDescription && <p class="quiet description" dir="auto">{plain(chat.groupDescription)}</p>}
        <Assignee chat={chat} />
        <Labels chat={chat} />
        <Notes key={chat.chatId} chat={chat} />
        <Properties chat={chat} />
        <Numbers chat={chat} />
        {chat.chatType === 'group' && <Members chat={chat} />}
        <Common chat={chat} />
        <Access chat={chat} />
        <History key={`${chat.orgPhone} ${chat.chatId}`} chat={chat} />
      </div>
    </aside>
  );
}

function Assignee({ chat }: { chat: Chat }) {
  const { actions, choices, account, rights } = useDesk();
  const field = useFocus<HTMLSelectElement>('assignee');
  const assigned = chat.assignedTo ?? '';
  const members = choices.members.value;
  const isKnown = assigned === '' || members.some(({ email }) => email === assigned);
  const isMine = account.email !== '' && assigned.toLowerCase() === account.email.toLowerCase();
  return (
    <section>
      <label for="assignee">Assigned to</label>
      <div class="field">
        <select id="assignee" ref={field} value={assigned} disabled={!rights.maySend} onChange={(event) => void actions.assign(chat, event.currentTarget.value)}>
          <option value="">Nobody</option>
          {!isKnown && <option value={assigned}>{assigned}</option>}
          {choices.named().map(([email, name]) => <option key={email} value={email}>{name}</option>)}
        </select>
        {rights.maySend && account.email !== '' && !isMine && <button type="button" onClick={() => void actions.assign(chat, account.email)}>Take</button>}
      </div>
    </section>
  );
}

function Labels({ chat }: { chat: Chat }) {
  const { actions, choices, rights } = useDesk();
  const [text, setText] = useState('');
  const field = useFocus<HTMLInputElement>('label');
  const add = (event: Event) => {
    event.preventDefault();
    if (text.trim() !== '') {
      void actions.addLabel(chat, text.trim());
      setText('');
    }
  };
  const others = choices.labels.value.filter((label) => !chat.labels.includes(label));
  return (
    <section>
      <h3>Labels</h3>
      <ul id="labels" aria-label="Labels">
        {chat.labels.map((label) => (
          <li class="label" key={label}>
            <span dir="auto">{plain(label)}</span>
            {rights.maySend && <button type="button" aria-label={`Remove label ${label}`} onClick={() => void actions.removeLabel(chat, label)}>×</button>}
          </li>
        ))}
      </ul>
      {chat.labels.length === 0 && !rights.maySend && <p class="quiet">None</p>}
      {rights.maySend && (
        <form class="field" onSubmit={add}>
          <input id="label" ref={field} list="known-labels" autocomplete="off" maxlength={100} placeholder="Add a label" aria-label="Add a label"
            value={text} onInput={(event) => setText(event.currentTarget.value)} />
          <button>Add</button>
        </form>
      )}
      <datalist id="known-labels">{others.map((label) => <option key={label} value={label} />)}</datalist>
    </section>
  );
}

/** The organization's numbers that hold the chat, each with its own copy of the conversation. */
function Numbers({ chat }: { chat: Chat }) {
  const { api } = useDesk();
  const held = api.sessions.value.filter(({ phoneNumber }) => chat.chatOrgPhones.includes(`${phoneNumber}@c.us`));
  return (
    <section>
      <h3>{held.length > 1 ? 'Your numbers' : 'Your number'}</h3>
      <ul class="rows">
        {held.map((session) => {
          const isThis = chat.orgPhone === `${session.phoneNumber}@c.us`;
          const name = session.label || `+${session.phoneNumber}`;
          return (
            <li key={session.id}>
              {isThis ? <span>{name}</span> : <button type="button" class="link" onClick={() => go({ through: session.phoneNumber })}>{name}</button>}
              <StateOf session={session} />
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Members({ chat }: { chat: Chat }) {
  const [isWhole, setWhole] = useState(false);
  const members = Object.values(chat.members).sort(
    (a, b) => Number(b.isAdmin) - Number(a.isAdmin) || contactName(chat, a.contactId).localeCompare(contactName(chat, b.contactId)),
  );
  return (
    <section>
      <h3>Members</h3>
      <ul class="rows">
        {(isWhole ? members : members.slice(0, SOME)).map(({ contactId, isAdmin, isSuperAdmin }) => (
          <li key={contactId}>
            <span dir="auto">{contactName(chat, contactId)}</span>
            {(isAdmin || isSuperAdmin) && <span class="quiet">{isSuperAdmin ? 'owner' : 'admin'}</span>}
          </li>
        ))}
      </ul>
      {!isWhole && members.length > SOME && <button type="button" class="link" onClick={() => setWhole(true)}>Show all {members.length}</button>}
    </section>
  );
}

/** Groups that the person is a member of. */
function Common({ chat }: { chat: Chat }) {
  const desk = useDesk();
  const [groups, setGroups] = useState<Chat[]>([]);
  const ids = chat.commonChats.filter((chatId) => chatId !== chat.chatId).slice(0, SOME_GROUPS).join(' ');
  useEffect(() => {
    let isGone = false;
    setGroups([]);
    // A group that the user may not see is left out.
    void Promise.all(ids.split(' ').filter(Boolean).map((chatId) => desk.api.findChat(chatId, '').catch(() => undefined))).then((found) => {
      if (!isGone) {
        setGroups(found.filter((group): group is Chat => group !== undefined));
      }
    });
    return () => {
      isGone = true;
    };
  }, [ids]);
  if (groups.length === 0) {
    return null;
  }
  return (
    <section>
      <h3>Common groups</h3>
      <ul class="rows">
        {groups.map((group) => <li key={group.chatId}><button type="button" class="link" onClick={() => desk.open(group)}>{nameOf(group)}</button></li>)}
      </ul>
    </section>
  );
}
