// The extension's log, which the command Show Log opens.

import * as vscode from 'vscode';

export const log = vscode.window.createOutputChannel('Unmask', { log: true });
