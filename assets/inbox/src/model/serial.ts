// Calls that must not overtake each other.

/** Runs calls with the same key one after the other, in the order in which they were made. */
export class Serial {
  private readonly last = new Map<string, Promise<unknown>>();

  run<T>(key: string, call: () => Promise<T>): Promise<T> {
    const result = (this.last.get(key) ?? Promise.resolve()).then(call);
    const end: Promise<void> = result.then(
      () => this.end(key, end),
      () => this.end(key, end),
    );
    this.last.set(key, end);
    return result;
  }

  private end(key: string, end: Promise<unknown>): void {
    if (this.last.get(key) === end) {
      this.last.delete(key);
    }
  }
}
