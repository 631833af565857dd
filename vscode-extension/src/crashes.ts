// Decides whether and when a server that ended unexpectedly is started again.

/** Milliseconds that a server must have been ready to count as working. */
export const PROVEN_MS = 5000;
/** Milliseconds to wait before the next start, after one, two, three crashes in a row. */
export const PAUSES_MS = [500, 1000, 2000];

/** Counts the crashes in a row of servers that did not work long enough. */
export class Crashes {
  #inARow = 0;

  get inARow(): number {
    return this.#inARow;
  }

  /**
   * Count a crash. Returns the milliseconds until the next start, or undefined to give up.
   * `readyMs`: how long the server had been ready, undefined if it never was.
   */
  count(readyMs: number | undefined): number | undefined {
    if (readyMs !== undefined && readyMs >= PROVEN_MS) {
      this.#inARow = 0;
      return 0;
    }
    return PAUSES_MS[this.#inARow++];
  }

  /** Reset the count, for a start that was requested. */
  forget(): void {
    this.#inARow = 0;
  }
}
