// Tells the server where the cursor rests, so that it prefills the KV cache ahead of a completion
// request. Sends nothing where no completion would be requested.

import * as vscode from 'vscode';

import { inBackground } from './background.ts';
import type { Server } from './client.ts';
import { log } from './log.ts';
import { CURSOR } from './messages.ts';
import { ghostTextEnabled, languageEnabled } from './settings.ts';

const REST_MS = 100;

export function followCursor(server: Server): vscode.Disposable {
  let timer: NodeJS.Timeout | undefined;
  const wait = (editor: vscode.TextEditor | undefined) => {
    clearTimeout(timer);
    timer =
      editor &&
      setTimeout(() => {
        inBackground(tell(server, editor), log);
      }, REST_MS);
  };
  wait(vscode.window.activeTextEditor);
  return vscode.Disposable.from(
    vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => {
      wait(textEditor);
    }),
    vscode.window.onDidChangeActiveTextEditor(wait),
    new vscode.Disposable(() => {
      clearTimeout(timer);
    }),
  );
}

async function tell(server: Server, editor: vscode.TextEditor): Promise<void> {
  const { document, selections } = editor;
  const client = server.client;
  const [selection] = selections;
  if (
    !client ||
    !selection?.isEmpty ||
    selections.length > 1 ||
    !['file', 'untitled'].includes(document.uri.scheme) ||
    !languageEnabled(document.languageId) ||
    !ghostTextEnabled(document)
  ) {
    return;
  }
  await client.sendNotification(CURSOR, {
    textDocument: client.code2ProtocolConverter.asTextDocumentIdentifier(document),
    position: client.code2ProtocolConverter.asPosition(selection.active),
  });
}
