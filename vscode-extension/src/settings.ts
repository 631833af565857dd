// The extension's settings as VS Code holds them. Their names, defaults and bounds are declared in
// package.json and are those of the server's Settings object, which does the validating.

import * as vscode from 'vscode';

export const SECTION = 'unmask';

/** The settings sent to the server: all except how to start it. */
export function serverSettings(): Record<string, unknown> {
  const all = { ...vscode.workspace.getConfiguration().get<Record<string, unknown>>(SECTION) };
  delete all.server;
  return all;
}

/** How the user wants the server to be started; both empty by default. */
export function launchSettings(): { command: string[]; interpreter: string } {
  const server = vscode.workspace.getConfiguration(`${SECTION}.server`);
  return {
    command: server.get<string[]>('command', []),
    interpreter: server.get<string>('interpreter', ''),
  };
}

/** The model that is chosen; empty where none is. */
export function modelSetting(): string {
  return vscode.workspace.getConfiguration(SECTION).get<string>('model', '');
}

/** Set the model in the scope of the setting in effect: the workspace's, else the user's. */
export async function setModel(name: string): Promise<void> {
  const settings = vscode.workspace.getConfiguration(SECTION);
  const inWorkspace =
    vscode.workspace.isTrusted && settings.inspect<string>('model')?.workspaceValue !== undefined;
  const { Global, Workspace } = vscode.ConfigurationTarget;
  await settings.update('model', name, inWorkspace ? Workspace : Global);
}

/** Whether completions are on for a language; its own entry wins over `*`. */
export function languageEnabled(languageId: string): boolean {
  const languages = languageSwitches();
  return languages[languageId] ?? languages['*'] ?? true;
}

/** Whether VS Code shows ghost text in a document at all. */
export function ghostTextEnabled(document: vscode.TextDocument): boolean {
  return vscode.workspace
    .getConfiguration('editor', document)
    .get<boolean>('inlineSuggest.enabled', true);
}

export async function switchLanguage(languageId: string, on: boolean): Promise<void> {
  await vscode.workspace
    .getConfiguration(SECTION)
    .update(
      'languages',
      { ...languageSwitches(), [languageId]: on },
      vscode.ConfigurationTarget.Global,
    );
}

function languageSwitches(): Record<string, boolean> {
  return vscode.workspace
    .getConfiguration(SECTION)
    .get<Record<string, boolean>>('languages', { '*': true });
}
