// Wires the parts together; what each one does is in its own module.

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import * as vscode from 'vscode';

import { Server } from './client.ts';
import { registerCommands } from './commands.ts';
import { completionMiddleware } from './completion.ts';
import { followCursor } from './cursor.ts';
import { findServer, type Launch } from './environment.ts';
import { hintGhostTextOff, hintNoServer } from './hints.ts';
import { SECTION, launchSettings } from './settings.ts';
import { StatusBar } from './status.ts';

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Unmask', { log: true });
  const status = new StatusBar();
  server = new Server(log, status, completionMiddleware(status), () => locate(context));
  const started = server;
  context.subscriptions.push(
    log,
    status,
    registerCommands(started, status, log),
    followCursor(started),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration(`${SECTION}.server`)) {
        void started.restart();
      } else if (change.affectsConfiguration(SECTION)) {
        void started.configure();
      }
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void started.restart()),
  );
  void started.restart();
  void hintGhostTextOff(context.globalState);
}

export function deactivate(): Promise<void> | undefined {
  return server?.stop();
}

function locate(context: vscode.ExtensionContext): Launch | undefined {
  const developed = context.extensionMode === vscode.ExtensionMode.Development;
  const trusted = vscode.workspace.isTrusted;
  const folders = [
    ...(trusted ? (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath) : []),
    ...(developed ? [path.dirname(context.extensionPath)] : []),
  ];
  const launch = findServer(
    {
      ...launchSettings(),
      folders,
      path: process.env.PATH ?? '',
      home: os.homedir(),
      windows: process.platform === 'win32',
    },
    (file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false,
  );
  if (!launch) {
    void hintNoServer();
  }
  return launch;
}
