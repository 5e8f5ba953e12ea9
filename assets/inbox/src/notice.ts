// The line that says what went wrong.
import { reason } from './api';
import { part } from './page';

const SHOWN_MS = 8000;
let timer: number | undefined;

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
