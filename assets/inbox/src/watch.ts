// Learns what changes elsewhere: one stream of the service, taken up again where it ended for as long as the page is open.
import { type Api, type ChatChange, isFinal, isForgotten } from './api';

/** What comes of watching. */
export interface Listener {
  /** Something of this chat changed. */
  changed(chatId: string): void;
  /** What changed before now may not have been told. */
  missed(): void;
  /** Whether changes arrive. */
  connected(isConnected: boolean): void;
  /** The service will not tell any more. */
  refused(error: unknown): void;
}

/** The service says every 10 seconds that it is there, when it has nothing else to say. */
const SILENCE_MS = 30_000;
/** So long the page waits for the watch to begin before it reads the list all the same. */
const PATIENCE_MS = 2000;
const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

export class Watch {
  /** Where to begin: after the last item. Empty to begin now. */
  private resumeToken = '';
  private failures = 0;
  /** Whether `start` has completed, so that what changed before the watch began may have been missed. */
  private isTried = false;

  constructor(
    private readonly api: Api,
    private readonly listener: Listener,
  ) {}

  /** Completes when every later change will be told, or when that failed or takes too long: then it is tried on. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      const tried = () => {
        this.isTried = true;
        resolve();
      };
      setTimeout(tried, PATIENCE_MS);
      void this.keepOn(tried);
    });
  }

  private async keepOn(tried: () => void): Promise<void> {
    for (;;) {
      const isAnew = this.resumeToken === '';
      const begun = () => {
        this.listener.connected(true);
        if (isAnew && this.isTried) {
          this.listener.missed();
        }
        tried();
      };
      const end = await this.follow(begun);
      tried();
      if (isFinal(end)) {
        this.listener.refused(end);
        return;
      }
      this.listener.connected(false);
      if (isForgotten(end)) {
        this.resumeToken = '';
      }
      await pause(pauseAfter(this.failures));
    }
  }

  /** One stream, from its beginning to its end, which is answered. */
  private async follow(begun: () => void): Promise<unknown> {
    const silence = new AbortController();
    const giveUp = () => silence.abort();
    let timer = setTimeout(giveUp, SILENCE_MS);
    let isBegun = false;
    this.failures += 1;
    try {
      for await (const { change, resumeToken } of this.api.watchChats(this.resumeToken, silence.signal)) {
        clearTimeout(timer);
        timer = setTimeout(giveUp, SILENCE_MS);
        if (!isBegun) {
          isBegun = true;
          this.failures = 0;
          begun();
        }
        if (change) {
          [change.chatId, ...formerNames(change)].forEach((chatId) => this.listener.changed(chatId));
        }
        this.resumeToken = resumeToken;
      }
      return undefined;
    } catch (error) {
      return error;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What the chat was called before, where that changed. */
function formerNames({ changes }: ChatChange): string[] {
  return changes.flatMap(({ field, previous }) =>
    field === 'chat_id' && previous?.kind.case === 'stringValue' ? [previous.kind.value] : [],
  );
}

/** Twice as long after each failure, and not the same for all pages when a service comes back. */
function pauseAfter(failures: number): number {
  const longest = Math.min(SHORTEST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS);
  return longest * (0.5 + Math.random() / 2);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
