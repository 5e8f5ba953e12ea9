// What people and programs changed about a chat, loaded on demand.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Chat } from '../api';
import { changeWords } from '../history-words';
import { earlier, type Past, pastOf, SHOWN, stateOf } from '../model/history';
import { showFailure } from '../model/notices';
import { isolate, isoTime, longTime, shortTime } from '../texts';
import { useDesk } from './desk';
import { Isolated } from './isolated';

export function History({ chat }: { chat: Chat }) {
  const { api, choices, rights } = useDesk();
  const [past, setPast] = useState<Past | undefined>(undefined);
  const [isOpen, setOpen] = useState(false);
  /** How many changes to show. */
  const wanted = useRef(SHOWN);
  const list = useRef<HTMLUListElement>(null);
  const names = { chat, properties: choices.properties.value, nameOf: (email: string) => choices.nameOf(email) };
  useEffect(() => {
    let isOld = !isOpen;
    const load = async () => {
      let loaded = await pastOf(api, chat, wanted.current);
      // Earlier ones may have been asked for meanwhile.
      while (!isOld && loaded.hasMore && loaded.changes.length < wanted.current) {
        loaded = await earlier(api, chat, loaded, wanted.current);
      }
      if (!isOld) {
        setPast(loaded);
      }
    };
    if (isOpen) {
      void load().catch(showFailure);
    }
    return () => {
      isOld = true;
    };
  }, [isOpen, stateOf(chat)]);
  const showEarlier = async (known: Past) => {
    wanted.current = known.changes.length + SHOWN;
    const longer = await earlier(api, chat, known, wanted.current);
    // What was loaded anew meanwhile has them, too.
    setPast((current) => (current === known ? longer : current));
    // The button may be gone.
    list.current?.children[known.changes.length]?.scrollIntoView({ block: 'nearest' });
    list.current?.focus();
  };
  return (
    <section>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>History</summary>
        {past?.changes.length === 0 && <p class="quiet">Nothing changed lately.</p>}
        <ul class="rows history" ref={list} tabIndex={-1}>
          {past?.changes.map((change) => (
            <li key={String(change.id)}>
              <span><Isolated text={changeWords(change, names)} /><small><Isolated text={rights.isOwn(change.performedBy) ? 'by you' : actor(change.performedBy, (email) => choices.nameOf(email))} /></small></span>
              {change.performedAt && <time class="quiet" datetime={isoTime(change.performedAt)} title={longTime(change.performedAt)}>{shortTime(change.performedAt)}</time>}
            </li>
          ))}
        </ul>
        {past?.hasMore && <button type="button" class="link" onClick={() => void showEarlier(past).catch(showFailure)}>Show earlier</button>}
      </details>
    </section>
  );
}

/** `member:…`, `key:…`, `connector` or `operator`. */
function actor(performedBy: string, nameOf: (email: string) => string): string {
  const [kind, name] = performedBy.split(/:(.*)/);
  return kind === 'connector' ? 'on WhatsApp' : kind === 'key' ? 'by a program' : kind === 'operator' ? 'by the operator' : `by ${isolate(nameOf(name))}`;
}
