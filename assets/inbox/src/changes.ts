// Where the page learns that something changed: whoever notices says which chat, and that chat is read again.

/** Reads changed chats again, each once however often its change was told, and one after the other. */
export class Changes {
  private readonly waiting = new Set<string>();
  private isWorking = false;

  /** `refetch` reads a chat anew and deals with its own failures. */
  constructor(private readonly refetch: (chatId: string) => Promise<void>) {}

  received(chatId: string): void {
    this.waiting.add(chatId);
    if (!this.isWorking) {
      void this.work();
    }
  }

  private async work(): Promise<void> {
    this.isWorking = true;
    for (const chatId of this.waiting) {
      // First, so that a change that is told meanwhile is read again.
      this.waiting.delete(chatId);
      await this.refetch(chatId);
    }
    this.isWorking = false;
  }
}
