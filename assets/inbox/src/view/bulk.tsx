// What can be done with several selected chats.
import type { Chat } from '../api';
import { endSelection, isSelecting, selected } from '../model/selection';
import { useDesk } from './desk';
import { IconButton } from './icons';

export function Bulk() {
  const { api, actions, choices } = useDesk();
  if (!isSelecting.value) {
    return null;
  }
  const chats = [...selected.value.values()];
  const run = (done: string, call: (chat: Chat) => Promise<void>, undo?: (chat: Chat) => Promise<void>) => {
    endSelection();
    void actions.together(chats, done, call, undo);
  };
  const archive = () => run('Archived', (chat) => api.archive(chat, true), (chat) => api.archive(chat, chat.isArchived));
  const assign = (email: string) => run(email === '' ? 'Unassigned' : 'Assigned', (chat) => api.assign(chat, email), (chat) => api.assign(chat, chat.assignedTo ?? ''));
  const label = (name: string) => run('Labelled', (chat) => api.changeLabels(chat, (labels) => [...labels, name]), (chat) => api.changeLabels(chat, () => chat.labels));
  return (
    <div id="bulk" role="toolbar" aria-label="Selected chats">
      <span>{chats.length} selected</span>
      {chats.length > 0 && (
        <>
          <IconButton icon="archive" label="Archive selected" onClick={archive} />
          <IconButton icon="read" label="Mark selected read" onClick={() => run('Marked as read', (chat) => api.markRead(chat))} />
          <Choose label="Assign selected" first="Assign" options={[['-', 'Nobody'], ...choices.named()]} onChoose={(email) => assign(email === '-' ? '' : email)} />
          <Choose label="Label selected" first="Label" options={choices.labels.value.map((name) => [name, name] as const)} onChoose={label} />
        </>
      )}
      <IconButton icon="close" label="End the selection" onClick={endSelection} />
    </div>
  );
}

function Choose(props: { label: string; first: string; options: readonly (readonly [value: string, text: string])[]; onChoose: (value: string) => void }) {
  return (
    <select aria-label={props.label} value="" onChange={(event) => props.onChoose(event.currentTarget.value)}>
      <option value="" disabled hidden>{props.first}</option>
      {props.options.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
    </select>
  );
}
