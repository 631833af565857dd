// The commands, registered by their names in package.json.

import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';

import { inBackground } from './background.ts';
import { chooseModel } from './chooseModel.ts';
import type { Server } from './client.ts';
import { infillSelection } from './infill.ts';
import { log } from './log.ts';
import { PAUSE, RESUME, type Status } from './messages.ts';
import { SECTION, languageEnabled, switchLanguage } from './settings.ts';
import type { StatusBar } from './status.ts';

export function registerCommands(server: Server, status: StatusBar): vscode.Disposable {
  const sayNotReady = () => {
    const { state, message } = status.status;
    const text = `Unmask is not ready: ${message || state}.`;
    inBackground(vscode.window.showWarningMessage(text), log);
  };
  const withClient = async (act: (client: LanguageClient) => Promise<void>): Promise<void> => {
    const client = server.client;
    if (!client) {
      sayNotReady();
      return;
    }
    try {
      await act(client);
    } catch (error) {
      if (client === server.client) {
        throw error;
      }
      log.debug(`the server ended during a command: ${String(error)}`);
      sayNotReady();
    }
  };
  const ask = (method: string) =>
    withClient(async (client) => {
      const answer = await client.sendRequest<Status>(method, {});
      if (client === server.client) {
        status.showStatus(answer);
      }
    });
  const commands: Record<string, () => unknown> = {
    'unmask.trigger': () => vscode.commands.executeCommand('editor.action.inlineSuggest.trigger'),
    'unmask.infillSelection': () =>
      withClient(async (client) => {
        const editor = vscode.window.activeTextEditor;
        if (!editor || editor.selection.isEmpty) {
          const text = 'Unmask: select the code to be replaced first.';
          inBackground(vscode.window.showInformationMessage(text), log);
          return;
        }
        await infillSelection(client, editor);
      }),
    'unmask.chooseModel': () => withClient((client) => chooseModel(client, server)),
    'unmask.pause': () => ask(PAUSE),
    'unmask.resume': () => ask(RESUME),
    'unmask.restart': () => server.restart(),
    'unmask.showLog': () => {
      log.show();
    },
    'unmask.showMenu': () => showMenu(status),
  };
  return vscode.Disposable.from(
    ...Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(name, run)),
  );
}

interface Choice extends vscode.QuickPickItem {
  run: () => Thenable<unknown>;
}

/** The menu shown by a click on the status bar item. */
async function showMenu(status: StatusBar): Promise<void> {
  const command = (label: string, name: string, ...rest: unknown[]): Choice => ({
    label,
    run: () => vscode.commands.executeCommand(name, ...rest),
  });
  const { state, message } = status.status;
  const restart = command('$(debug-restart) Restart Server', 'unmask.restart');
  const choices = [
    ...(state === 'error' ? [restart] : []),
    state === 'paused'
      ? command('$(play) Resume', 'unmask.resume')
      : command('$(debug-pause) Pause', 'unmask.pause'),
    command('$(zap) Trigger Inline Completion', 'unmask.trigger'),
    command('$(edit) Infill Selection', 'unmask.infillSelection'),
    command('$(server-environment) Choose Model', 'unmask.chooseModel'),
    ...languageChoice(),
    command('$(output) Show Log', 'unmask.showLog'),
    ...(state === 'error' ? [] : [restart]),
    command('$(gear) Settings', 'workbench.action.openSettings', `${SECTION}.`),
  ];
  const choice = await vscode.window.showQuickPick(choices, {
    title: 'Unmask',
    placeHolder: message || state,
  });
  await choice?.run();
}

function languageChoice(): Choice[] {
  const language = vscode.window.activeTextEditor?.document.languageId;
  if (!language) {
    return [];
  }
  const enabled = languageEnabled(language);
  return [
    {
      label: `$(circle-slash) Turn ${enabled ? 'Off' : 'On'} for ${language}`,
      run: () => switchLanguage(language, !enabled),
    },
  ];
}
