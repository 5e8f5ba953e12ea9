// How many chats each view has, as far as the service counts.
import { signal } from '@preact/signals';
import type { Api } from '../api';
import { chosen } from './filter';
import { filter, type View } from './route';

const MOST = 1000;
/** Changes of a burst are counted together. */
const PAUSE_MS = 1500;

export class Counts {
  /** As shown: `999+` for many, and nothing before they are known. */
  readonly texts = signal<Partial<Record<View, string>>>({});
  private isWaiting = false;

  constructor(
    private readonly api: Api,
    private readonly email: string,
  ) {}

  /** Counts now. A failure shows no counts: nobody asked for them. */
  async refresh(): Promise<void> {
    const asked = filter.peek();
    const counts = await this.api.countChats(chosen(asked), this.email).catch(() => undefined);
    if (asked === filter.peek()) {
      const { all, unread, mine, unassigned, closed, archived } = counts ?? {};
      const known = { all, unread, mine: this.email === '' ? undefined : mine, unassigned, closed, archived };
      this.texts.value = Object.fromEntries(Object.entries(known).map(([view, count]) => [view, textOf(count)]));
    }
  }

  /** Counts again after changes. */
  changed(): void {
    if (!this.isWaiting) {
      this.isWaiting = true;
      setTimeout(() => {
        this.isWaiting = false;
        void this.refresh();
      }, PAUSE_MS);
    }
  }
}

function textOf(count: bigint | undefined): string {
  return count === undefined ? '' : count >= MOST ? `${MOST - 1}+` : String(count);
}
