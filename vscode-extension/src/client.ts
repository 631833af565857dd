// The language server of this window: starts, restarts, configures and stops it.

import type * as vscode from 'vscode';
import {
  DidChangeConfigurationNotification,
  type LanguageClient,
  type Middleware,
} from 'vscode-languageclient/node';

import { Connection } from './connection.ts';
import type { Launch } from './environment.ts';
import { LATENCY, STATUS, type Latency, type Status } from './messages.ts';
import type { Reasons } from './reasons.ts';
import { SECTION, serverSettings } from './settings.ts';
import type { StatusBar } from './status.ts';
import { Supervisor, type Reports } from './supervisor.ts';

/** The running server, or none; never more than one, however often a restart is requested. */
export class Server {
  readonly #log: vscode.LogOutputChannel;
  readonly #status: StatusBar;
  readonly #reasons: Reasons;
  readonly #middleware: Middleware;
  readonly #find: () => Launch | undefined;
  readonly #supervisor: Supervisor<Connection>;

  constructor(
    log: vscode.LogOutputChannel,
    status: StatusBar,
    reasons: Reasons,
    middleware: Middleware,
    find: () => Launch | undefined,
  ) {
    this.#log = log;
    this.#status = status;
    this.#reasons = reasons;
    this.#middleware = middleware;
    this.#find = find;
    this.#supervisor = new Supervisor(
      (reports) => this.#launch(reports),
      (shown) => {
        status.showStatus(shown);
      },
      log,
    );
  }

  /** The client of a running server. */
  get client(): LanguageClient | undefined {
    const client = this.#supervisor.current?.client;
    return client?.isRunning() ? client : undefined;
  }

  /** Start the server, or restart it. Resolves when it has been launched. */
  restart(): Promise<void> {
    return this.#supervisor.restart();
  }

  /** Send the current settings to the running server. */
  async configure(): Promise<void> {
    await this.client?.sendNotification(DidChangeConfigurationNotification.type, {
      settings: { [SECTION]: serverSettings() },
    });
  }

  /** Stop the server for good. */
  close(): Promise<void> {
    return this.#supervisor.close();
  }

  #launch(reports: Reports): Connection | undefined {
    const launch = this.#find();
    if (!launch) {
      return undefined;
    }
    const connection = new Connection(launch, this.#log, this.#middleware, reports.ended);
    connection.client.onNotification(
      STATUS,
      reports.whileCurrent((status: Status) => {
        this.#status.showStatus(status);
        if (status.state !== 'loading') {
          reports.ready();
        }
      }),
    );
    connection.client.onNotification(
      LATENCY,
      reports.whileCurrent((latency: Latency) => {
        this.#reasons.note(latency);
        this.#status.showLatency(latency);
      }),
    );
    return connection;
  }
}
