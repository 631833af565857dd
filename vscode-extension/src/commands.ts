// The commands, by the names that package.json declares.

import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';

import { chooseModel } from './chooseModel.ts';
import type { Server } from './client.ts';
import { infillSelection } from './infill.ts';
import { PAUSE, RESUME, type Status } from './messages.ts';
import { SECTION, languageEnabled, switchLanguage } from './settings.ts';
import type { StatusBar } from './status.ts';

export function registerCommands(
  server: Server,
  status: StatusBar,
  log: vscode.LogOutputChannel,
): vscode.Disposable {
  const withClient = async (act: (client: LanguageClient) => Promise<void>): Promise<void> => {
    const client = server.client;
    if (client) {
      await act(client);
    } else {
      const { state, message } = status.status;
      void vscode.window.showWarningMessage(`Unmask is not ready: ${message || state}.`);
    }
  };
  const ask = (method: string) =>
    withClient(async (client) => {
      status.showStatus(await client.sendRequest<Status>(method, {}));
    });
  const commands: Record<string, () => unknown> = {
    'unmask.trigger': () => vscode.commands.executeCommand('editor.action.inlineSuggest.trigger'),
    'unmask.infillSelection': () =>
      withClient(async (client) => {
        const editor = vscode.window.activeTextEditor;
        if (!editor || editor.selection.isEmpty) {
          void vscode.window.showInformationMessage(
            'Unmask: select the code to be replaced first.',
          );
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

/** What a click on the status bar item offers. */
async function showMenu(status: StatusBar): Promise<void> {
  const command = (label: string, name: string, ...rest: unknown[]): Choice => ({
    label,
    run: () => vscode.commands.executeCommand(name, ...rest),
  });
  const choices = [
    status.status.state === 'paused'
      ? command('$(play) Resume', 'unmask.resume')
      : command('$(debug-pause) Pause', 'unmask.pause'),
    command('$(zap) Trigger Inline Completion', 'unmask.trigger'),
    command('$(edit) Infill Selection', 'unmask.infillSelection'),
    command('$(server-environment) Choose Model', 'unmask.chooseModel'),
    ...languageChoice(),
    command('$(output) Show Log', 'unmask.showLog'),
    command('$(debug-restart) Restart Server', 'unmask.restart'),
    command('$(gear) Settings', 'workbench.action.openSettings', `${SECTION}.`),
  ];
  const choice = await vscode.window.showQuickPick(choices, {
    title: 'Unmask',
    placeHolder: status.status.message || status.status.state,
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
