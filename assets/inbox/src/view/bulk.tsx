// What can be done with several selected chats.
import { endSelection, isSelecting, selected } from '../model/selection';
import { useDesk } from './desk';
import { IconButton } from './icons';

export function Bulk() {
  const { bulk, choices } = useDesk();
  if (!isSelecting.value) {
    return null;
  }
  const chats = [...selected.value.values()];
  const areClosed = chats.every(({ closedAt }) => closedAt !== undefined);
  return (
    <div id="bulk" role="toolbar" aria-label="Selected chats">
      <span>{chats.length} selected</span>
      {chats.length > 0 && (
        <>
          <IconButton icon={areClosed ? 'reopen' : 'done'} label={areClosed ? 'Reopen selected' : 'Close selected'} onClick={() => void bulk.close(chats, !areClosed)} />
          <IconButton icon="archive" label="Archive selected" onClick={() => void bulk.archive(chats)} />
          <IconButton icon="read" label="Mark selected read" onClick={() => void bulk.markRead(chats)} />
          <Choose label="Assign selected" first="Assign" options={[['-', 'Nobody'], ...choices.named()]} onChoose={(email) => void bulk.assign(chats, email === '-' ? '' : email)} />
          <Choose label="Label selected" first="Label" options={choices.labels.value.map((name) => [name, name] as const)} onChoose={(name) => void bulk.label(chats, name)} />
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
