// Queue of changed chats: each is reloaded.

/** How changed chats are reloaded. */
export interface Reader {
  one(chatId: string): Promise<void>;
  /** Reloads everything at once, where that is less work. */
  all(): Promise<void>;
  /** Returns whether a retry may succeed. */
  failed(error: unknown): boolean;
}

/** Maximum number of chats that are reloaded one by one. With the pause, most of a key's 100 requests a second stay free. */
const FEW = 10;
const PAUSE_MS = 500;
const PAUSE_AFTER_FAILURE_MS = 3000;

/** Reloads changed chats: the first at once, those of a burst together and once each. */
export class Changes {
  private readonly waiting = new Set<string>();
  private isEverything = false;
  private isWorking = false;

  constructor(private readonly reader: Reader) {}

  /** Marks a chat as changed. */
  received(chatId: string): void {
    this.waiting.add(chatId);
    this.begin();
  }

  /** Marks all chats as changed. */
  missed(): void {
    this.isEverything = true;
    this.begin();
  }

  private begin(): void {
    if (!this.isWorking) {
      void this.work();
    }
  }

  private async work(): Promise<void> {
    this.isWorking = true;
    while (this.isEverything || this.waiting.size > 0) {
      const isDone = await this.round();
      await new Promise((resolve) => setTimeout(resolve, isDone ? PAUSE_MS : PAUSE_AFTER_FAILURE_MS));
    }
    this.isWorking = false;
  }

  /** Reloads the queued chats. Failed ones stay queued. */
  private async round(): Promise<boolean> {
    const [wasEverything, chatIds] = [this.isEverything || this.waiting.size > FEW, [...this.waiting]];
    // First, so that a change that arrives meanwhile is reloaded, too.
    this.isEverything = false;
    this.waiting.clear();
    try {
      if (wasEverything) {
        await this.reader.all();
      } else {
        await Promise.all(chatIds.map((chatId) => this.reader.one(chatId)));
      }
      return true;
    } catch (error) {
      if (this.reader.failed(error)) {
        this.isEverything ||= wasEverything;
        chatIds.forEach((chatId) => this.waiting.add(chatId));
      }
      return false;
    }
  }
}
