// The team's notes of a chat: written, changed and deleted by their authors.
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { useState } from 'preact/hooks';
import type { Chat, Note } from '../api';
import { isoTime, longTime, plain, shortTime } from '../texts';
import { useDesk } from './desk';
import { useFocus, wantedFocus } from './focus';
import { Formatted } from './formatted';
import { IconButton } from './icons';

const MAX_TEXT = 16384;

export function Notes({ chat }: { chat: Chat }) {
  const { notes, rights } = useDesk();
  return (
    <section aria-label="Notes">
      <h3>Notes</h3>
      {rights.maySend && <Field id="note" label="Add a note" save="Add" draft={chat.chatId} onSave={(text) => notes.add(chat, text)} />}
      {!rights.maySend && notes.notes.value.length === 0 && <p class="quiet">None</p>}
      <ul class="notes">{notes.notes.value.map((note) => <Item key={note.messageId} chat={chat} note={note} />)}</ul>
    </section>
  );
}

function Item({ chat, note }: { chat: Chat; note: Note }) {
  const { choices, notes, rights } = useDesk();
  const { body, performedBy, timestamp, updatedAt } = note;
  const isOwn = performedBy === rights.author;
  const canChange = rights.maySend && (isOwn || rights.mayManage);
  const isEdited = timestamp && updatedAt && timestampMs(timestamp) < timestampMs(updatedAt);
  if (notes.draft(note.messageId) !== undefined) {
    return <li><Field id="edited-note" label="Change the note" save="Save" draft={note.messageId} onSave={(text) => notes.save(note, text)} onLeave={() => notes.setDraft(note.messageId)} /></li>;
  }
  return (
    <li>
      <p dir="auto"><Formatted text={plain(body)} /></p>
      <div class="quiet">
        <span>{performedBy.includes('@') ? choices.nameOf(performedBy) : isOwn ? 'You' : 'A program'}</span>
        {timestamp && <time datetime={isoTime(timestamp)} title={longTime(timestamp)}>{shortTime(timestamp)}{isEdited && ', edited'}</time>}
        {canChange && <IconButton icon="edit" label="Change the note" onClick={() => {
          notes.setDraft(note.messageId, body);
          wantedFocus.value = 'edited-note';
        }} />}
        {canChange && <IconButton icon="remove" label="Delete the note" onClick={() => void notes.remove(chat, note)} />}
      </div>
    </li>
  );
}

/** Enter saves, Shift+Enter breaks, Escape leaves the text as it was. */
function Field(props: { id: string; label: string; save: string; draft: string; onSave: (text: string) => Promise<void>; onLeave?: () => void }) {
  const { id, label, save, draft, onSave, onLeave } = props;
  const { notes } = useDesk();
  const text = notes.draft(draft) ?? '';
  const [isBusy, setBusy] = useState(false);
  const field = useFocus<HTMLTextAreaElement>(id);
  const submit = async () => {
    if (text.trim() !== '' && !isBusy) {
      setBusy(true);
      await onSave(text.trim());
      setBusy(false);
    }
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      void submit();
    } else if (event.key === 'Escape' && onLeave) {
      event.stopPropagation();
      onLeave();
    }
  };
  return (
    <form class="field" onSubmit={(event) => {
      event.preventDefault();
      void submit();
    }}>
      <textarea id={id} ref={field} rows={text.includes('\n') || text.length > 60 ? 4 : 1} maxlength={MAX_TEXT} dir="auto" placeholder={label} aria-label={label}
        value={text} onInput={(event) => notes.setDraft(draft, event.currentTarget.value)} onKeyDown={press} />
      <button disabled={isBusy}>{save}</button>
    </form>
  );
}
