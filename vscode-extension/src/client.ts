// The language client: starts, restarts and stops the server, and tells the status bar about it.
// Knows the protocol, not where the server is found nor what its states look like.

import * as readline from 'node:readline';

import * as vscode from 'vscode';
import {
  CloseAction,
  DidChangeConfigurationNotification,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
  State as ClientState,
  TransportKind,
  type MessageSignature,
  type Middleware,
} from 'vscode-languageclient/node';

import type { Launch } from './environment.ts';
import { LATENCY, STATUS, type Latency, type Status } from './messages.ts';
import { RunQueue } from './queue.ts';
import { SECTION, serverSettings } from './settings.ts';
import type { StatusBar } from './status.ts';

const DOCUMENTS = [{ scheme: 'file' }, { scheme: 'untitled' }];
const CRASHES = 3; // in CRASH_WINDOW_MS, before the server is left alone
const CRASH_WINDOW_MS = 180_000;
const TAIL_LINES = 30;

/** The running server, or none; one at a time, whoever asks for a restart and how often. */
export class Server implements vscode.Disposable {
  readonly #log: vscode.LogOutputChannel;
  readonly #status: StatusBar;
  readonly #middleware: Middleware;
  readonly #find: () => Launch | undefined;
  readonly #restarts = new RunQueue(() => this.#replace());
  #client: LanguageClient | undefined;

  constructor(
    log: vscode.LogOutputChannel,
    status: StatusBar,
    middleware: Middleware,
    find: () => Launch | undefined,
  ) {
    this.#log = log;
    this.#status = status;
    this.#middleware = middleware;
    this.#find = find;
  }

  /** The client of a running server. */
  get client(): LanguageClient | undefined {
    return this.#client?.isRunning() ? this.#client : undefined;
  }

  /** Start the server, or stop it and start it anew. Resolves when it runs or has failed. */
  restart(): Promise<void> {
    return this.#restarts.run();
  }

  /** Tell the running server what the settings are now. */
  async configure(): Promise<void> {
    await this.client?.sendNotification(DidChangeConfigurationNotification.type, {
      settings: { [SECTION]: serverSettings() },
    });
  }

  async stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    try {
      await client?.dispose();
    } catch (error) {
      this.#log.debug(`the server did not stop in order: ${String(error)}`);
    }
  }

  dispose(): void {
    void this.stop();
  }

  async #replace(): Promise<void> {
    await this.stop();
    const launch = this.#find();
    if (!launch) {
      this.#status.showStatus({ state: 'error', message: 'no language server found' });
      return;
    }
    this.#status.showStatus({ state: 'loading', message: 'starting the server' });
    this.#log.info(`starting ${[launch.command, ...launch.args].join(' ')} (${launch.origin})`);
    this.#client = this.#create(launch);
    try {
      await this.#client.start();
    } catch (error) {
      this.#log.error(`the server did not start: ${String(error)}`);
      this.#status.showStatus({
        state: 'error',
        message: `the server did not start (${launch.origin}); the log says why`,
      });
    }
  }

  #create(launch: Launch): LanguageClient {
    const tail: string[] = [];
    const crashes: number[] = [];
    const client = new QuietClient(
      'unmask',
      'Unmask',
      { command: launch.command, args: launch.args, transport: TransportKind.stdio },
      {
        documentSelector: DOCUMENTS,
        initializationOptions: { settings: serverSettings(), acceptedCommand: true },
        outputChannel: this.#log,
        revealOutputChannelOn: RevealOutputChannelOn.Never,
        middleware: this.#middleware,
        initializationFailedHandler: (error) => {
          this.#log.error(`the server did not initialize: ${String(error)}`);
          return false;
        },
        errorHandler: {
          error: (_error, _message, count) => ({
            action: (count ?? 0) <= CRASHES ? ErrorAction.Continue : ErrorAction.Shutdown,
            handled: true,
          }),
          closed: () => {
            this.#log.error(['the server ended by itself; its last words:', ...tail].join('\n'));
            const now = Date.now();
            crashes.push(now);
            const recent = crashes.filter((time) => now - time < CRASH_WINDOW_MS).length;
            const action = recent <= CRASHES ? CloseAction.Restart : CloseAction.DoNotRestart;
            return { action, handled: true };
          },
        },
        stdioOptions: {
          // The server's records come as window/logMessage too. Standard error is what is left
          // when it cannot speak the protocol: before it starts, and when it dies.
          stdout: () => undefined,
          stderr: (stream) => {
            readline.createInterface({ input: stream }).on('line', (line) => {
              tail.push(line);
              tail.splice(0, tail.length - TAIL_LINES);
              this.#log.debug(line);
            });
          },
        },
      },
    );
    client.onNotification(STATUS, (status: Status) => {
      this.#status.showStatus(status);
    });
    client.onNotification(LATENCY, (latency: Latency) => {
      this.#status.showLatency(latency);
    });
    client.onDidChangeState(({ newState }) => {
      if (newState === ClientState.Stopped && this.#client === client) {
        this.#status.showStatus({
          state: 'error',
          message: 'the server stopped; the log says why',
        });
      }
    });
    return client;
  }
}

/** A client whose failed requests are logged, never shown: they come from typing. */
class QuietClient extends LanguageClient {
  override handleFailedRequest<T>(
    type: MessageSignature,
    token: vscode.CancellationToken | undefined,
    error: unknown,
    defaultValue: T,
    _showNotification?: boolean,
    throwOnCancel?: boolean,
  ): T {
    return super.handleFailedRequest(type, token, error, defaultValue, false, throwOnCancel);
  }
}
