// The lines that say what went wrong, and whether the page is told what changes.
import { reason } from './api';
import { part } from './page';

const SHOWN_MS = 8000;
/** An interruption that is over sooner is not worth saying. */
const UNSAID_MS = 1000;
let timer: number | undefined;
let reconnecting: number | undefined;

export function tell(text: string): void {
  const notice = part('notice');
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(dismiss, SHOWN_MS);
}

export function tellFailure(error: unknown): void {
  tell(reason(error));
}

export function dismiss(): void {
  part('notice').hidden = true;
}

/** Says that changes made elsewhere do not arrive, until they do again. */
export function showConnected(isConnected: boolean): void {
  if (isConnected) {
    clearTimeout(reconnecting);
    reconnecting = undefined;
    part('connection').hidden = true;
  } else {
    reconnecting ??= setTimeout(() => showConnection('Reconnecting…'), UNSAID_MS);
  }
}

/** Says that they will not arrive any more, and why. */
export function showRefused(error: unknown): void {
  clearTimeout(reconnecting);
  showConnection(`${reason(error)}: sign in again`);
}

function showConnection(text: string): void {
  part('connection').textContent = text;
  part('connection').hidden = false;
}
