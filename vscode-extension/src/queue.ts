// Runs a task, one run at a time, with at most one further run waiting.

/** A task that may be requested at any time, and whose runs must never overlap. */
export class RunQueue {
  readonly #task: () => Promise<void>;
  #running = false;
  #waiting: { done: Promise<void>; start: () => void } | undefined;

  constructor(task: () => Promise<void>) {
    this.#task = task;
  }

  /**
   * Run the task, after the current run if there is one. All requests during a run share the run
   * that follows it.
   */
  run(): Promise<void> {
    if (!this.#running) {
      return this.#start();
    }
    this.#waiting ??= this.#wait();
    return this.#waiting.done;
  }

  async #start(): Promise<void> {
    this.#running = true;
    try {
      await this.#task();
    } finally {
      // Both without an await in between: the next request finds the queue idle or the next run
      // in progress.
      this.#running = false;
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.start();
    }
  }

  #wait(): { done: Promise<void>; start: () => void } {
    let start!: () => void;
    const done = new Promise<void>((resolve) => {
      start = () => {
        resolve(this.#start());
      };
    });
    return { done, start };
  }
}
