// Runs one task at a time, with at most one run waiting. Knows nothing of what the task does.

/** A task that may be asked for at any time and must never overlap itself. */
export class RunQueue {
  readonly #task: () => Promise<void>;
  #running = false;
  #waiting: { done: Promise<void>; start: () => void } | undefined;

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
    this.#waiting ??= this.#wait();
    return this.#waiting.done;
  }

  async #start(): Promise<void> {
    this.#running = true;
    try {
      await this.#task();
    } finally {
      // In one go: whoever asks next finds the queue idle, or the run that waited in progress.
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
