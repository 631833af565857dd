// The command that fills the selection from both sides.

import { randomUUID } from 'node:crypto';

import * as vscode from 'vscode';
import { WorkDoneProgress, type LanguageClient } from 'vscode-languageclient/node';

import { inBackground } from './background.ts';
import { log } from './log.ts';
import { INFILL, type Infill } from './messages.ts';

const PREVIEW = 90; // characters of a notification's single line

/** Ask the server to fill the selection; insert its answer as one undo step. */
export async function infillSelection(
  client: LanguageClient,
  editor: vscode.TextEditor,
): Promise<void> {
  const { document, selection } = editor;
  const version = document.version;
  const answer = await request(client, document, selection);
  if (!answer) {
    return; // cancelled
  }
  if (answer.text === null) {
    const text = `Unmask has nothing to offer for this selection: ${answer.message}.`;
    inBackground(vscode.window.showInformationMessage(text), log);
    return;
  }
  const unchanged =
    document.version === version && (answer.version === null || answer.version === version);
  const range = client.protocol2CodeConverter.asRange(answer.range);
  const text = answer.text;
  const inserted =
    unchanged &&
    (await editor.edit(
      (edit) => {
        edit.replace(range, text);
      },
      { undoStopBefore: true, undoStopAfter: true },
    ));
  if (!inserted) {
    const text =
      'Unmask: the document changed while its selection was being filled. Nothing was replaced.';
    inBackground(vscode.window.showWarningMessage(text), log);
  }
}

async function request(
  client: LanguageClient,
  document: vscode.TextDocument,
  selection: vscode.Selection,
): Promise<Infill | undefined> {
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: 'Unmask: infilling the selection',
    cancellable: true,
  };
  return vscode.window.withProgress(options, async (progress, token) => {
    const workDoneToken = randomUUID();
    const listener = client.onProgress(WorkDoneProgress.type, workDoneToken, (value) => {
      if (value.kind === 'report' && value.message) {
        progress.report({ message: preview(value.message) });
      }
    });
    try {
      return await client.sendRequest<Infill>(
        INFILL,
        {
          textDocument: client.code2ProtocolConverter.asTextDocumentIdentifier(document),
          range: client.code2ProtocolConverter.asRange(selection),
          workDoneToken,
        },
        token,
      );
    } catch (error) {
      if (token.isCancellationRequested) {
        return undefined;
      }
      throw error;
    } finally {
      listener.dispose();
    }
  });
}

/** The canvas on one line. */
function preview(canvas: string): string {
  const line = canvas.replaceAll(/\s+/g, ' ').trim();
  return line.length > PREVIEW ? `${line.slice(0, PREVIEW)}…` : line;
}
