// The extension's entry point: creates its parts and connects them.

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import * as vscode from 'vscode';

import { inBackground } from './background.ts';
import { Server } from './client.ts';
import { registerCommands } from './commands.ts';
import { completionMiddleware } from './completion.ts';
import { followCursor } from './cursor.ts';
import { findServer, type Launch } from './environment.ts';
import { hintGhostTextOff, hintNoServer } from './hints.ts';
import { log } from './log.ts';
import { Reasons } from './reasons.ts';
import { SECTION, launchSettings } from './settings.ts';
import { StatusBar } from './status.ts';

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const status = new StatusBar();
  const reasons = new Reasons();
  const middleware = completionMiddleware(status, reasons);
  const started = new Server(log, status, reasons, middleware, () => locate(context));
  server = started;
  context.subscriptions.push(
    log,
    status,
    registerCommands(started, status),
    followCursor(started),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration(`${SECTION}.server`)) {
        inBackground(started.restart(), log);
      } else if (change.affectsConfiguration(SECTION)) {
        inBackground(started.configure(), log);
      }
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => {
      inBackground(started.restart(), log);
    }),
  );
  inBackground(started.restart(), log);
  inBackground(hintGhostTextOff(context.globalState), log);
}

export function deactivate(): Promise<void> | undefined {
  return server?.close();
}

function locate(context: vscode.ExtensionContext): Launch | undefined {
  const developed = context.extensionMode === vscode.ExtensionMode.Development;
  const trusted = vscode.workspace.isTrusted;
  const folders = [
    ...(trusted ? workspaceFolders() : []),
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
    inBackground(hintNoServer(), log);
  }
  return launch;
}

/** The folders of the workspace that are on this machine. */
function workspaceFolders(): string[] {
  return (vscode.workspace.workspaceFolders ?? [])
    .filter(({ uri }) => uri.scheme === 'file' && fs.existsSync(uri.fsPath))
    .map(({ uri }) => uri.fsPath);
}
