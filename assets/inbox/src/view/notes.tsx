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
      {rights.maySend && <Field id="note" label="Add a note" save="Add" onSave={(text) => notes.write(chat, text)} />}
      {!rights.maySend && notes.notes.value.length === 0 && <p class="quiet">None</p>}
      <ul class="notes">{notes.notes.value.map((note) => <Item key={note.messageId} chat={chat} note={note} />)}</ul>
    </section>
  );
}

function Item({ chat, note }: { chat: Chat; note: Note }) {
  const { choices, notes, rights } = useDesk();
  const [isEditing, setEditing] = useState(false);
  const { body, performedBy, timestamp, updatedAt } = note;
  const isOwn = performedBy === rights.author;
  const canChange = rights.maySend && (isOwn || rights.mayManage);
  const isEdited = timestamp && updatedAt && timestampMs(timestamp) < timestampMs(updatedAt);
  if (isEditing) {
    const save = async (text: string) => {
      const isDone = text === body || (await notes.edit(note, text));
      setEditing(!isDone);
      return isDone;
    };
    return <li><Field id="edited-note" label="Change the note" save="Save" text={body} onSave={save} onLeave={() => setEditing(false)} /></li>;
  }
  return (
    <li>
      <p dir="auto"><Formatted text={plain(body)} /></p>
      <div class="quiet">
        <span>{performedBy.includes('@') ? choices.nameOf(performedBy) : isOwn ? 'You' : 'A program'}</span>
        {timestamp && <time datetime={isoTime(timestamp)} title={longTime(timestamp)}>{shortTime(timestamp)}{isEdited && ', edited'}</time>}
        {canChange && <IconButton icon="edit" label="Change the note" onClick={() => {
          setEditing(true);
          wantedFocus.value = 'edited-note';
        }} />}
        {canChange && <IconButton icon="remove" label="Delete the note" onClick={() => void notes.remove(chat, note)} />}
      </div>
    </li>
  );
}

/** Enter saves, Shift+Enter breaks, Escape leaves the text as it was. */
function Field(props: { id: string; label: string; save: string; text?: string; onSave: (text: string) => Promise<boolean>; onLeave?: () => void }) {
  const { id, label, save, onSave, onLeave } = props;
  const [text, setText] = useState(props.text ?? '');
  const field = useFocus<HTMLTextAreaElement>(id);
  const submit = async () => {
    if (text.trim() !== '' && (await onSave(text.trim()))) {
      setText('');
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
        value={text} onInput={(event) => setText(event.currentTarget.value)} onKeyDown={press} />
      <button>{save}</button>
    </form>
  );
}
