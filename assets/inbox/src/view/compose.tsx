// The box to write in: text, files, a reply, emoji.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Chat, Outgoing } from '../api';
import { summary } from '../content';
import { notify } from '../model/notices';
import { MAX_FILE_BYTES } from '../model/sender';
import { senderOf, size } from '../texts';
import { useDesk } from './desk';
import { Emoji } from './emoji';
import { useFocus, wantedFocus } from './focus';
import { Icon, IconButton } from './icons';

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
  const { sender, conversation } = useDesk();
  const { replyTo, editing } = conversation;
  const draft = `${chat.orgPhone} ${chat.chatId}`;
  const [text, setText] = useState(sender.drafts.get(draft) ?? '');
  const [files, setFiles] = useState<readonly File[]>([]);
  const field = useFocus<HTMLTextAreaElement>('compose');
  const picker = useRef<HTMLInputElement>(null);
  const canSend = text.trim() !== '' || files.length > 0;

  useEffect(() => void (editing.value ? undefined : sender.drafts.set(draft, text)), [text]);
  useEffect(() => {
    if (editing.value) {
      setText(editing.value.body ?? '');
    }
  }, [editing.value]);
  useLayoutEffect(() => {
    const { current } = field;
    if (current) {
      current.style.height = 'auto';
      current.style.height = `${current.scrollHeight + 2}px`;
    }
  }, [text]);

  const add = (added: Iterable<File>) => {
    const [fitting, large] = [[...added].filter((file) => file.size <= MAX_FILE_BYTES), [...added].filter((file) => file.size > MAX_FILE_BYTES)];
    if (large.length > 0) {
      notify(`${large[0].name} is larger than ${size(MAX_FILE_BYTES)}`);
    }
    setFiles((before) => [...before, ...fitting]);
    wantedFocus.value = 'compose';
  };
  const leave = () => {
    if (editing.value) {
      setText('');
    }
    conversation.replyTo.value = undefined;
    conversation.editing.value = undefined;
    field.current?.focus();
  };
  const submit = () => {
    const [words, reply] = [text.trim(), replyTo.value?.messageId];
    if (!canSend) {
      return;
    }
    if (editing.value) {
      void sender.edit(chat, editing.value, words);
    } else {
      const contents: Outgoing[] = files.map((file, index) => ({ file, text: index === 0 ? words : '', replyTo: index === 0 ? reply : undefined }));
      (contents.length > 0 ? contents : [{ text: words, replyTo: reply }]).forEach((content) => void sender.send(chat, content));
    }
    setText('');
    setFiles([]);
    leave();
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === 'Escape' && (replyTo.value || editing.value)) {
      event.stopPropagation();
      leave();
    }
  };
  const insert = (emoji: string) => {
    const { selectionStart: start = text.length, selectionEnd: end = text.length } = field.current ?? {};
    setText(text.slice(0, start) + emoji + text.slice(end));
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
      {files.length > 0 && (
        <ul class="files" aria-label="Files to send">
          {files.map((file, index) => (
            <li key={index}>
              <Icon name="file" /><span dir="auto">{file.name}</span><small>{size(file.size)}</small>
              <IconButton icon="close" label={`Remove ${file.name}`} onClick={() => setFiles(files.filter((other) => other !== file))} />
            </li>
          ))}
        </ul>
      )}
      <div class="compose-row">
        <Emoji onChoose={insert} />
        <IconButton icon="attach" label="Attach files" onClick={() => picker.current?.click()} />
        <input ref={picker} type="file" multiple hidden aria-label="Files" onChange={({ currentTarget }) => {
          add(currentTarget.files ?? []);
          currentTarget.value = '';
        }} />
        <textarea id="compose" ref={field} rows={1} maxlength={MAX_TEXT} dir="auto" placeholder={files.length > 0 ? 'Add a caption' : 'Write a message'}
          aria-label="Message" value={text} onInput={(event) => setText(event.currentTarget.value)} onKeyDown={press} onPaste={paste} />
        <button class="send" aria-label={editing.value ? 'Save' : 'Send'} title={editing.value ? 'Save' : 'Send'} disabled={!canSend}><Icon name={editing.value ? 'check' : 'send'} /></button>
      </div>
    </form>
  );
}

/** The message that is replied to or edited. */
function Above({ chat, onLeave }: { chat: Chat; onLeave: () => void }) {
  const { conversation, choices } = useDesk();
  const message = conversation.editing.value ?? conversation.replyTo.value;
  if (!message) {
    return null;
  }
  const name = senderOf(chat, message, (email) => choices.nameOf(email));
  return (
    <div class="above">
      <div class="quote"><strong dir="auto">{conversation.editing.value ? 'Edit your message' : `Reply to ${name}`}</strong><span dir="auto">{summary(message)}</span></div>
      <IconButton icon="close" label="Do not reply" onClick={onLeave} />
    </div>
  );
}

/** Takes files that are dropped anywhere on the conversation. */
function useDrop(add: (files: Iterable<File>) => void): void {
  useEffect(() => {
    const pane = document.getElementById('chat-pane');
    const over = (event: DragEvent) => {
      event.preventDefault();
      pane?.classList.add('dropping');
    };
    const leave = () => pane?.classList.remove('dropping');
    const drop = (event: DragEvent) => {
      event.preventDefault();
      leave();
      add(event.dataTransfer?.files ?? []);
    };
    pane?.addEventListener('dragover', over);
    pane?.addEventListener('dragleave', leave);
    pane?.addEventListener('drop', drop);
    return () => {
      pane?.removeEventListener('dragover', over);
      pane?.removeEventListener('dragleave', leave);
      pane?.removeEventListener('drop', drop);
    };
  }, []);
}
