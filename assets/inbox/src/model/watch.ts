// Watches for changes by others: one stream, resumed while the page is open.
import type { Api, ChatChange, ChatMessage } from '../api';
import { isFinal, isForgotten } from '../errors';

/** Callbacks of a watch. */
export interface Listener {
  /** A chat changed; the message is the one that the change is about. */
  changed(chatId: string, message?: ChatMessage): void;
  /** The notes of a chat changed. */
  noted(chatId: string): void;
  /** Earlier changes may have been missed. */
  missed(): void;
  /** Whether the stream is connected. */
  connected(isConnected: boolean): void;
  /** The watch ended and is not resumed. */
  refused(error: unknown): void;
}

/** The service sends a heartbeat every 10 seconds. */
const SILENCE_MS = 30_000;
/** Maximum time to wait for the watch before the list is loaded, in ms. */
const PATIENCE_MS = 2000;
const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

export class Watch {
  /** Resume token of the last item; empty to start now. */
  private resumeToken = '';
  private failures = 0;
  /** Whether `start` has completed, so that changes before the watch may have been missed. */
  private isTried = false;
  /** Ends the current stream, or the pause before the next one. */
  private proceed = () => {};

  constructor(
    private readonly api: Api,
    private readonly listener: Listener,
  ) {}

  /** Completes when the watch is connected, failed, or takes too long; retries go on in the background. */
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

  /** Connects anew: the network may have changed, which a stream that is silent does not show. */
  reconnect(): void {
    this.failures = 0;
    this.proceed();
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
      await this.pause(pauseAfter(this.failures));
    }
  }

  /** Runs one stream to its end and returns how it ended. */
  private async follow(begun: () => void): Promise<unknown> {
    const silence = new AbortController();
    const giveUp = () => silence.abort();
    this.proceed = giveUp;
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
        if (change?.action === 'note') {
          this.listener.noted(change.chatId);
        } else if (change) {
          this.listener.changed(change.chatId, change.message);
          formerNames(change).forEach((chatId) => this.listener.changed(chatId));
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

  private pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.proceed = resolve;
      setTimeout(resolve, milliseconds);
    });
  }
}

/** The previous id of the chat, if it changed. */
function formerNames({ changes }: ChatChange): string[] {
  return changes.flatMap(({ field, previous }) =>
    field === 'chat_id' && previous?.kind.case === 'stringValue' ? [previous.kind.value] : [],
  );
}

/** Exponential backoff with jitter. */
function pauseAfter(failures: number): number {
  const longest = Math.min(SHORTEST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS);
  return longest * (0.5 + Math.random() / 2);
}
