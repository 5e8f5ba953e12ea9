// The dialog with keyboard shortcuts and settings.
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Desk } from '../model/desk';
import { hasLetters, isHelpOpen, marksRead } from '../model/settings';
import { shortcuts } from './keys';

/** Keys that the list and the fields handle themselves. */
const OTHERS = [
  { key: '↑ ↓', does: 'choose a chat' },
  { key: 'Enter', does: 'open the chosen chat; send the message' },
  { key: 'Shift Enter', does: 'begin a new line' },
  { key: 'Ctrl click', does: 'select a chat; with Shift, all chats up to it' },
  { key: 'Tab', does: 'go on to the next part of the page' },
];

export function Help({ desk }: { desk: Desk }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    if (isHelpOpen.value) {
      dialog.current?.showModal();
    }
  }, [isHelpOpen.value]);
  const keys = [...OTHERS, ...shortcuts(desk).filter(({ isChange }) => !isChange || desk.rights.maySend).map(({ key, does }) => ({ key: key === 'Escape' ? 'Esc' : key, does }))];
  return (
    <dialog id="help" ref={dialog} aria-labelledby="help-title" onClose={() => (isHelpOpen.value = false)}>
      <h2 id="help-title">Keyboard shortcuts</h2>
      <table>
        <tbody>
          {keys.map(({ key, does }) => (
            <tr key={key}>
              <th scope="row"><kbd>{key}</kbd></th>
              <td>{does}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <label class="check">
        <input type="checkbox" checked={hasLetters.value} onChange={() => (hasLetters.value = !hasLetters.value)} />
        Single letters do something
      </label>
      {desk.rights.maySend && (
        <label class="check">
          <input type="checkbox" checked={marksRead.value} onChange={() => (marksRead.value = !marksRead.value)} />
          Opening a chat marks it as read
        </label>
      )}
      <form method="dialog"><button class="primary">Close</button></form>
    </dialog>
  );
}
