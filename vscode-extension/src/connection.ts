// One server: its process and the client connected to it. Each is started once; both end together.

import type * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
  type Middleware,
} from 'vscode-languageclient/node';

import { inBackground } from './background.ts';
import type { Launch } from './environment.ts';
import { ServerProcess } from './serverProcess.ts';
import { serverSettings } from './settings.ts';
import type { Running } from './supervisor.ts';

const DOCUMENTS = [{ scheme: 'file' }, { scheme: 'untitled' }];
const WRITE_ERRORS = 3; // in a row, before the connection is closed
const SHUTDOWN_MS = 1000; // for the response to `shutdown`: VS Code waits only a few seconds
const EXIT_MS = 1000; // from the response to `shutdown` until the process is killed

export class Connection implements Running {
  readonly client: LanguageClient;
  readonly #log: vscode.LogOutputChannel;
  readonly #process: ServerProcess;
  readonly #ended: () => void;
  #over = false;
  #stopping: Promise<void> | undefined;

  /** Start a server; `ended` is called, once or more, when the server cannot be used any more. */
  constructor(
    launch: Launch,
    log: vscode.LogOutputChannel,
    middleware: Middleware,
    ended: () => void,
  ) {
    this.#log = log;
    this.#ended = ended;
    log.info(`starting ${[launch.command, ...launch.args].join(' ')} (${launch.origin})`);
    // The server also sends its log as window/logMessage. Standard error is needed for what it
    // writes without a connection: before it starts, and when it crashes.
    this.#process = new ServerProcess(launch, (line) => {
      log.debug(line);
    });
    this.client = this.#createClient(middleware);
    const over = this.#process.gone.then(() => {
      this.#end();
    });
    const start = this.client.start().catch((error: unknown) => {
      log.error(`the server did not start: ${String(error)}`);
      this.#end();
    });
    inBackground(Promise.all([over, start]), log);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    let patience = 0;
    if (!this.#over && this.client.isRunning()) {
      try {
        await this.client.dispose(SHUTDOWN_MS);
        patience = EXIT_MS;
      } catch (error) {
        this.#log.debug(`the server did not stop in order: ${String(error)}`);
      }
    }
    await this.#process.end(patience);
  }

  /** The process, or the connection to it, has ended. */
  #end(): void {
    if (!this.#over && !this.#stopping) {
      const told = this.#process.lastWords.then((lines) => {
        this.#log.error(['the server ended by itself; its last words:', ...lines].join('\n'));
      });
      inBackground(told, this.#log);
    }
    this.#over = true;
    this.#ended();
  }

  #createClient(middleware: Middleware): LanguageClient {
    return new QuietClient('unmask', 'Unmask', () => this.#process.started, {
      documentSelector: DOCUMENTS,
      initializationOptions: { settings: serverSettings(), acceptedCommand: true, cursor: true },
      outputChannel: this.#log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      middleware,
      initializationFailedHandler: () => false, // `start` rejects, which is handled
      errorHandler: {
        error: (_error, _message, count) => {
          if ((count ?? 0) > WRITE_ERRORS) {
            this.#end();
          }
          return { action: ErrorAction.Continue };
        },
        closed: () => {
          this.#end();
          return { action: CloseAction.DoNotRestart, message: 'the connection is closed' };
        },
      },
      stdioOptions: { stdout: () => undefined, stderr: () => undefined }, // ServerProcess reads
    });
  }
}

/** A client whose errors are logged, never shown: they come from typing, and from crashes. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}
