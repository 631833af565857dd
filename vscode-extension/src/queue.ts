// Runs one task at a time, with at most one run waiting. Knows nothing of what the task does.

/** A task that may be asked for at any time and must never overlap itself. */
export class RunQueue {
  readonly #task: () => Promise<void>;
  #running: Promise<void> | undefined;
  #waiting: Promise<void> | undefined;

  constructor(task: () => Promise<void>) {
    this.#task = task;
  }

  /**
   * Run the task, after the run in progress if there is one. All who ask during that run share
   * the one that follows it.
   */
  run(): Promise<void> {
    if (!this.#running) {
      return this.#start();
    }
    this.#waiting ??= this.#running
      .catch(() => undefined) // whoever started that run has its error
      .then(() => {
        this.#waiting = undefined;
        return this.#start();
      });
    return this.#waiting;
  }

  #start(): Promise<void> {
    this.#running = this.#task().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }
}
