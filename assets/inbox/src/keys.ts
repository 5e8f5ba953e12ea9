// Keyboard shortcuts, and the help dialog that lists them ("?").
import { isField, make, part } from './page';

export interface Shortcut {
  key: string;
  does: string;
  run: () => void;
}

/** Keys that the list and the fields handle themselves, listed in the help. */
const OTHERS: [keys: string, does: string][] = [
  ['↑ ↓', 'choose a chat'],
  ['Enter', 'open the chosen chat'],
  ['Tab', 'go on to the next part of the page'],
];

export function listenTo(shortcuts: Shortcut[]): void {
  const listed: [string, string][] = shortcuts.map(({ key, does }) => [key === 'Escape' ? 'Esc' : key, does]);
  const rows = [...OTHERS, ...listed].map(([key, does]) =>
    make('tr', {}, make('th', { scope: 'row' }, make('kbd', {}, key)), make('td', {}, does)),
  );
  part('shortcuts').replaceChildren(...rows);
  document.addEventListener('keydown', (event) => {
    const shortcut = shortcuts.find(({ key }) => key === event.key);
    if (shortcut && isMeant(event)) {
      event.preventDefault();
      shortcut.run();
    }
  });
}

export function showHelp(): void {
  part<HTMLDialogElement>('help').showModal();
}

function isMeant(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || part('inbox').hidden || part<HTMLDialogElement>('help').open) {
    return false;
  }
  // Speech input types stray letters, so single-key shortcuts can be disabled.
  const isAllowed = part<HTMLInputElement>('letters').checked && !isField(event.target);
  return event.key === 'Escape' || isAllowed;
}
