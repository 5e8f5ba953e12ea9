// What people and programs changed about a chat, loaded on demand.
import { useState } from 'preact/hooks';
import type { Chat, ChatChange } from '../api';
import { showFailure } from '../model/notices';
import { isoTime, longTime, shortTime } from '../texts';
import { useDesk } from './desk';

const WORDS: Record<string, string> = {
  attached: 'The chat was added', detached: 'The chat was removed', details: 'Name or picture changed', assignee: 'Assigned',
  labels: 'Labels changed', properties: 'Properties changed', access: 'Access changed', members: 'Members changed',
  state: 'Archived, pinned or muted', messages: 'Messages or unread count changed',
};

export function History({ chat }: { chat: Chat }) {
  const { api } = useDesk();
  const [changes, setChanges] = useState<ChatChange[] | undefined>(undefined);
  const load = (isOpen: boolean) => {
    if (isOpen && !changes) {
      void api.history(chat).then(setChanges, showFailure);
    }
  };
  const shown = changes?.filter(({ action }) => action !== 'messages');
  return (
    <section>
      <details onToggle={(event) => load(event.currentTarget.open)}>
        <summary>History</summary>
        {shown?.length === 0 && <p class="quiet">Nothing changed lately.</p>}
        <ul class="rows history">
          {shown?.map((change) => (
            <li key={String(change.id)}>
              <span>{words(change)}<small>{actor(change.performedBy)}</small></span>
              {change.performedAt && <time class="quiet" datetime={isoTime(change.performedAt)} title={longTime(change.performedAt)}>{shortTime(change.performedAt)}</time>}
            </li>
          ))}
        </ul>
      </details>
    </section>
  );
}

function words({ action, changes }: ChatChange): string {
  const [change] = changes;
  const [before, now] = [change?.previous, change?.current].map((value) => value?.kind.value);
  switch (change?.field) {
    case 'assigned_to':
      return now ? `Assigned to ${String(now)}` : 'Unassigned';
    case 'is_archived':
      return now ? 'Archived' : 'Taken out of the archive';
    case 'is_pinned':
      return now ? 'Pinned' : 'Unpinned';
    case 'muted_until':
      return now ? 'Muted' : 'Unmuted';
    default:
      return action === 'labels' && changes.length === 1 ? (now ? `Label ${String(now)} added` : `Label ${String(before)} removed`) : (WORDS[action] ?? action);
  }
}

/** `member:…`, `key:…`, `connector` or `operator`. */
function actor(performedBy: string): string {
  const [kind, name] = performedBy.split(/:(.*)/);
  return kind === 'connector' ? 'on WhatsApp' : kind === 'key' ? 'by a program' : kind === 'operator' ? 'by the operator' : `by ${name}`;
}
