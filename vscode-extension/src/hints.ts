// The two hints for the user: that there is no server, and that VS Code has ghost text switched
// off.

import * as vscode from 'vscode';

const ASKED = 'inlineSuggestHint';

/** Tell the user that there is no language server, and how to get one. */
export async function hintNoServer(): Promise<void> {
  const choose = 'Choose Program';
  const choice = await vscode.window.showWarningMessage(
    'Unmask found no language server: no .venv with unmask in a trusted workspace folder, and no ' +
      'unmask on the PATH. Install it from its repository, or choose its program in the settings.',
    choose,
  );
  if (choice === choose) {
    // In a remote window these settings belong to the remote machine, not to the user.
    const where = vscode.env.remoteName === undefined ? 'openSettings' : 'openRemoteSettings';
    await vscode.commands.executeCommand(`workbench.action.${where}`, {
      query: 'unmask.server',
    });
  }
}

/** If ghost text is switched off in VS Code, offer once to switch it on. */
export async function hintGhostTextOff(memory: vscode.Memento): Promise<void> {
  const editor = vscode.workspace.getConfiguration('editor');
  if (editor.get<boolean>('inlineSuggest.enabled', true) || memory.get<boolean>(ASKED)) {
    return;
  }
  await memory.update(ASKED, true);
  const enable = 'Turn On';
  const choice = await vscode.window.showInformationMessage(
    'Unmask shows its completions as ghost text, which the setting editor.inlineSuggest.enabled ' +
      'has turned off.',
    enable,
    'Leave Off',
  );
  if (choice === enable) {
    await editor.update('inlineSuggest.enabled', true, vscode.ConfigurationTarget.Global);
  }
}
