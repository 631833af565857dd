// Whether a server that ended by itself is started again, and when.

/** How long a server must have been ready to count as one that works. */
export const PROVEN_MS = 5000;
/** The waits before the next start, after one, two, three crashes of a server that does not. */
export const PAUSES_MS = [500, 1000, 2000];

/** The crashes in a row of servers that did not get as far as to be of use. */
export class Crashes {
  #inARow = 0;

  get inARow(): number {
    return this.#inARow;
  }

  /**
   * Count one. Returns the milliseconds until the next start, or undefined where there should be
   * none. `readyMs`: how long the server had been ready, undefined if it never was.
   */
  count(readyMs: number | undefined): number | undefined {
    if (readyMs !== undefined && readyMs >= PROVEN_MS) {
      this.#inARow = 0;
      return 0;
    }
    return PAUSES_MS[this.#inARow++];
  }

  /** Somebody wants another try. */
  forget(): void {
    this.#inARow = 0;
  }
}
