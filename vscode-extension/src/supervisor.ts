// Keeps one server running: restarts it when it ends unexpectedly, and gives up after repeated
// crashes. Uses the server through an interface, so that it can be tested with a fake one.

import { inBackground, type DebugLog } from './background.ts';
import { Crashes } from './crashes.ts';
import type { Status } from './messages.ts';
import { RunQueue } from './queue.ts';

/** A server that has been started. */
export interface Running {
  /** Stop it in any state; resolves when all of its processes have ended. Never rejects. */
  stop(): Promise<void>;
}

type Act<Values extends unknown[]> = (...values: Values) => void;

/** A server's messages to its supervisor; ignored if it is not the current server any more. */
export interface Reports {
  /** It is ready. */
  ready: () => void;
  /** It ended unexpectedly, or its connection is broken; may be called more than once. */
  ended: () => void;
  /** `act`, wrapped so that it does nothing if this server is not the current one any more. */
  whileCurrent: <Values extends unknown[]>(act: Act<Values>) => Act<Values>;
}

export class Supervisor<Server extends Running> {
  readonly #launch: (reports: Reports) => Server | undefined;
  readonly #show: (status: Status) => void;
  readonly #log: DebugLog;
  readonly #crashes = new Crashes();
  readonly #queue = new RunQueue(() => this.#replace());
  #current: Server | undefined;
  #readySince: number | undefined;
  #formerGone: Promise<unknown> = Promise.resolve();
  #pause: NodeJS.Timeout | undefined;
  #starting = '';
  #closed = false;

  /** `launch` starts a server and returns at once; it returns undefined if there is none. */
  constructor(
    launch: (reports: Reports) => Server | undefined,
    show: (status: Status) => void,
    log: DebugLog,
  ) {
    this.#launch = launch;
    this.#show = show;
    this.#log = log;
  }

  get current(): Server | undefined {
    return this.#current;
  }

  /** Start or restart the server. Resolves when it has been launched. */
  restart(): Promise<void> {
    this.#crashes.forget();
    this.#starting = 'starting the server';
    return this.#queue.run();
  }

  /** Stop the server for good. */
  close(): Promise<void> {
    this.#closed = true;
    return this.#queue.run();
  }

  async #replace(): Promise<void> {
    clearTimeout(this.#pause);
    this.#retire();
    if (!this.#closed) {
      this.#show({ state: 'loading', message: this.#starting });
    }
    await this.#formerGone;
    if (this.#closed) {
      return;
    }
    const own: { server: Server | undefined } = { server: undefined };
    const whileCurrent =
      <Values extends unknown[]>(act: Act<Values>): Act<Values> =>
      (...values) => {
        if (own.server !== undefined && own.server === this.#current) {
          act(...values);
        }
      };
    const ready = () => {
      this.#readySince ??= Date.now();
    };
    const ended = () => {
      this.#crashed();
    };
    try {
      own.server = this.#launch({
        ready: whileCurrent(ready),
        ended: whileCurrent(ended),
        whileCurrent,
      });
    } catch (error) {
      this.#show({ state: 'error', message: `the server cannot be started: ${String(error)}` });
      return;
    }
    this.#current = own.server;
    if (!this.#current) {
      this.#show({ state: 'error', message: 'no language server found' });
    }
  }

  /** Unset the current server and stop it. */
  #retire(): void {
    if (this.#current) {
      this.#formerGone = this.#current.stop();
    }
    this.#current = undefined;
    this.#readySince = undefined;
  }

  #crashed(): void {
    const pause = this.#crashes.count(
      this.#readySince === undefined ? undefined : Date.now() - this.#readySince,
    );
    this.#retire();
    if (pause === undefined) {
      this.#show({
        state: 'error',
        message: `the server failed ${this.#crashes.inARow} times in a row; the log says why`,
      });
      return;
    }
    this.#starting = 'the server failed and is started again';
    this.#show({ state: 'loading', message: this.#starting });
    this.#pause = setTimeout(() => {
      inBackground(this.#queue.run(), this.#log);
    }, pause);
  }
}
