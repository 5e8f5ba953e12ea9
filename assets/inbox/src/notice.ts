// Notices: errors, and whether changes by others arrive.
import { reason } from './api';
import { part } from './page';

const SHOWN_MS = 8000;
/** Minimum duration of an interruption that is shown, in ms. */
const UNSAID_MS = 1000;
let timer: number | undefined;
let reconnecting: number | undefined;

export function notify(text: string): void {
  const notice = part('notice');
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(dismiss, SHOWN_MS);
}

export function showFailure(error: unknown): void {
  notify(reason(error));
}

export function dismiss(): void {
  part('notice').hidden = true;
}

/** Shows that changes by others do not arrive, until they do. */
export function showConnected(isConnected: boolean): void {
  if (isConnected) {
    clearTimeout(reconnecting);
    reconnecting = undefined;
    part('connection').hidden = true;
  } else {
    reconnecting ??= setTimeout(() => showConnection('Reconnecting…'), UNSAID_MS);
  }
}

/** Shows that changes no longer arrive, and why. */
export function showRefused(error: unknown): void {
  clearTimeout(reconnecting);
  showConnection(`${reason(error)}: sign in again`);
}

function showConnection(text: string): void {
  part('connection').textContent = text;
  part('connection').hidden = false;
}
