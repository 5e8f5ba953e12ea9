// Where the page learns that something changed: whoever notices says which chat, and that chat is read again.

/** How a changed chat is read anew. */
export interface Reader {
  one(chatId: string): Promise<void>;
  /** Everything at once, where that is less work. */
  all(): Promise<void>;
  /** Answers whether it may succeed later. */
  failed(error: unknown): boolean;
}

/** So many chats are read one by one. With the pause that leaves most of the 100 calls a second that a key has. */
const FEW = 10;
const PAUSE_MS = 500;
const PAUSE_AFTER_FAILURE_MS = 3000;

/** Reads changed chats again: the first at once, and those of a burst together, each once however often it changed. */
export class Changes {
  private readonly waiting = new Set<string>();
  private isEverything = false;
  private isWorking = false;

  constructor(private readonly reader: Reader) {}

  /** This chat changed. */
  received(chatId: string): void {
    this.waiting.add(chatId);
    this.begin();
  }

  /** Any chat may have changed. */
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

  /** Reads what is waiting. What fails goes on waiting. */
  private async round(): Promise<boolean> {
    const [wasEverything, chatIds] = [this.isEverything || this.waiting.size > FEW, [...this.waiting]];
    // First, so that a change that is told meanwhile is read again.
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
