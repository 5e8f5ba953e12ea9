// The box to write in: text, files, a reply, emoji.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Chat, ChatMessage, Outgoing } from '../api';
import { summary } from '../content';
import { notify } from '../model/notices';
import { MAX_FILE_BYTES } from '../model/sender';
import { isolate, senderOf, size } from '../texts';
import { Attached } from './attached';
import { useDesk } from './desk';
import { onFiles } from './dropped';
import { Emoji } from './emoji';
import { useFocus, wantedFocus } from './focus';
import { Icon, IconButton } from './icons';
import { Isolated } from './isolated';

const MAX_TEXT = 16384;

export function Compose({ chat }: { chat: Chat }) {
  const { sender } = useDesk();
  const refusal = sender.refusal(chat);
  const delay = sender.delay(chat);
  useEffect(() => {
    if (refusal !== '' && wantedFocus.value === 'compose') {
      wantedFocus.value = 'messages';
    }
  }, [refusal, wantedFocus.value]);
  if (refusal !== '') {
    return <p id="compose-note" role="status">{refusal}</p>;
  }
  return (
    <>
      {delay !== '' && <p id="compose-note" role="status">{delay}</p>}
      <Box key={`${chat.orgPhone} ${chat.chatId}`} chat={chat} />
    </>
  );
}

function Box({ chat }: { chat: Chat }) {
  const desk = useDesk();
  const { sender, drafts } = desk;
  const { text, files, replyTo, editing, edited } = drafts.of(chat);
  const [isSaving, setSaving] = useState(false);
  const field = useFocus<HTMLTextAreaElement>('compose');
  const picker = useRef<HTMLInputElement>(null);
  const written = editing ? edited : text;
  const canSend = written.trim() !== '' ? !isSaving : !editing && files.length > 0;

  useLayoutEffect(() => {
    const { current } = field;
    if (current) {
      current.style.height = 'auto';
      current.style.height = `${current.scrollHeight + 2}px`;
    }
  }, [written]);

  const write = (value: string) => drafts.change(chat, editing ? { edited: value } : { text: value });
  const add = (added: Iterable<File>) => {
    const chosen = [...added];
    const fitting = chosen.filter((file) => file.size > 0 && file.size <= MAX_FILE_BYTES);
    const refused = chosen.find((file) => !fitting.includes(file));
    if (refused) {
      notify(refused.size === 0 ? `${refused.name} is empty, so that it cannot be sent` : `${refused.name} is larger than ${size(MAX_FILE_BYTES)}`);
    }
    const { files: before, editing: isEdit } = drafts.of(chat);
    if (isEdit && fitting.length > 0) {
      notify('Attached to the next message');
    }
    drafts.change(chat, { files: [...before, ...fitting] });
    wantedFocus.value = 'compose';
  };
  const leave = () => {
    drafts.change(chat, editing ? { editing: undefined } : { replyTo: undefined });
    field.current?.focus();
  };
  const save = async (message: ChatMessage) => {
    setSaving(true);
    const isSaved = await sender.edit(chat, message, edited.trim());
    setSaving(false);
    if (isSaved && drafts.of(chat).editing === message) {
      drafts.change(chat, { editing: undefined });
    }
  };
  const send = () => {
    const [words, reply] = [text.trim(), replyTo?.messageId];
    const contents: Outgoing[] = files.map((file, index) => ({ file, text: index === 0 ? words : '', replyTo: index === 0 ? reply : undefined }));
    (contents.length > 0 ? contents : [{ text: words, replyTo: reply }]).forEach((content) => void sender.send(chat, content));
    drafts.change(chat, { text: '', files: [], replyTo: undefined });
    desk.showNewest();
  };
  const submit = () => {
    if (canSend) {
      void (editing ? save(editing) : send());
      field.current?.focus();
    }
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && sends(event)) {
      event.preventDefault();
      submit();
    } else if (event.key === 'Escape' && (replyTo || editing)) {
      event.stopPropagation();
      leave();
    }
  };
  const insert = (emoji: string) => {
    const { selectionStart: start = written.length, selectionEnd: end = written.length } = field.current ?? {};
    write(written.slice(0, start) + emoji + written.slice(end));
    wantedFocus.value = 'compose';
  };
  const paste = (event: ClipboardEvent) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (pasted.length > 0) {
      event.preventDefault();
      add(pasted);
    }
  };
  useDrop(add);
  return (
    <form id="compose-form" onSubmit={(event) => {
      event.preventDefault();
      submit();
    }}>
      <Above chat={chat} onLeave={leave} />
      {!editing && files.length > 0 && (
        <>
          {files.length > 1 && <p class="quiet">{files.length} files</p>}
          <ul class="files" aria-label="Files to send">
            {files.map((file, index) => (
              <Attached key={index} file={file} onRemove={() => drafts.change(chat, { files: files.filter((other) => other !== file) })} />
            ))}
          </ul>
        </>
      )}
      <div class="compose-row">
        <Emoji onChoose={insert} />
        {!editing && <IconButton icon="attach" label="Attach files" onClick={() => picker.current?.click()} />}
        <input ref={picker} type="file" multiple hidden aria-label="Files" onChange={({ currentTarget }) => {
          add(currentTarget.files ?? []);
          currentTarget.value = '';
        }} />
        <textarea id="compose" ref={field} rows={1} maxlength={MAX_TEXT} dir="auto" placeholder={!editing && files.length > 0 ? 'Add a caption' : 'Write a message'}
          aria-label="Message" value={written} onInput={(event) => write(event.currentTarget.value)} onKeyDown={press} onPaste={paste} />
        <button class="send" aria-label={editing ? 'Save' : 'Send'} title={editing ? 'Save' : 'Send'} disabled={!canSend}><Icon name={editing ? 'check' : 'send'} /></button>
      </div>
    </form>
  );
}

/** Whether "Enter" sends. On the keyboard of a screen, which has no Shift for it, it breaks the line. */
function sends({ shiftKey, ctrlKey, metaKey, isComposing }: KeyboardEvent): boolean {
  return !isComposing && !shiftKey && (ctrlKey || metaKey || !matchMedia('(pointer: coarse)').matches);
}

/** The message that is replied to or edited. */
function Above({ chat, onLeave }: { chat: Chat; onLeave: () => void }) {
  const { drafts, choices } = useDesk();
  const { editing, replyTo } = drafts.of(chat);
  const message = editing ?? replyTo;
  if (!message) {
    return null;
  }
  const name = senderOf(chat, message, (email) => choices.nameOf(email));
  return (
    <div class="above">
      <div class="quote"><strong dir="auto"><Isolated text={editing ? 'Edit your message' : `Reply to ${isolate(name)}`} /></strong><span dir="auto"><Isolated text={summary(message)} /></span></div>
      <IconButton icon="close" label={editing ? 'Do not edit' : 'Do not reply'} onClick={onLeave} />
    </div>
  );
}

/** Takes files that are dropped anywhere on the page. */
function useDrop(add: (files: Iterable<File>) => void): void {
  useEffect(() => {
    const show = (isOver: boolean) => document.getElementById('chat-pane')?.classList.toggle('dropping', isOver);
    return onFiles(document, {
      over: () => show(true),
      leave: () => show(false),
      drop: (files) => {
        show(false);
        add(files);
      },
    });
  }, []);
}
