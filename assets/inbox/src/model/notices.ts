// Notices: what was done, what failed, and whether changes by others arrive.
import { signal } from '@preact/signals';
import { reason } from '../errors';

export interface Notice {
  readonly text: string;
  readonly isFailure: boolean;
  /** Takes back what was done. */
  readonly undo?: () => void;
}

const SHOWN_MS = 8000;
/** Minimum duration of an interruption that is shown, in ms. */
const UNSAID_MS = 1000;

export const notice = signal<Notice | undefined>(undefined);
/** Why changes by others do not arrive; empty when they do. */
export const interruption = signal('');
let timer: number | undefined;
let reconnecting: number | undefined;

function show(next: Notice): void {
  notice.value = next;
  clearTimeout(timer);
  timer = setTimeout(dismiss, SHOWN_MS);
}

export function notify(text: string, undo?: () => void): void {
  show({ text, isFailure: false, undo });
}

/** Shows why something could not be done, and takes back what was done. */
export function showFailure(error: unknown, what = '', undo?: () => void): void {
  const text = what === '' ? reason(error) : `${what}: ${reason(error)}`;
  show({ text: text[0].toUpperCase() + text.slice(1), isFailure: true, undo });
}

export function dismiss(): void {
  notice.value = undefined;
}

/** Shows that changes by others do not arrive, until they do. */
export function showConnected(isConnected: boolean): void {
  if (isConnected) {
    clearTimeout(reconnecting);
    reconnecting = undefined;
    interruption.value = '';
  } else {
    reconnecting ??= setTimeout(() => (interruption.value = 'Reconnecting…'), UNSAID_MS);
  }
}

/** Shows that changes no longer arrive, and why. */
export function showRefused(error: unknown): void {
  clearTimeout(reconnecting);
  interruption.value = `${reason(error)}: sign in again`;
}
