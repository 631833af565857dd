// Middleware of every request for ghost text: decides whether to send it, measures how long it
// takes, and tells the user the reason if an explicit request brings no text.

import * as vscode from 'vscode';
import { InlineCompletionRequest, type Middleware } from 'vscode-languageclient/node';

import type { Answer, Reasons } from './reasons.ts';
import { ghostTextEnabled, languageEnabled } from './settings.ts';
import type { StatusBar } from './status.ts';

const HINT_MS = 4000;

export function completionMiddleware(status: StatusBar, reasons: Reasons): Middleware {
  return {
    async provideInlineCompletionItems(document, position, context, token, next) {
      const invoked = context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
      if (!languageEnabled(document.languageId)) {
        tell(invoked, `Unmask is off for ${document.languageId}`);
        return null;
      }
      if (!ghostTextEnabled(document) || (!invoked && selectsSomething(document))) {
        return null;
      }
      const asked = reasons.expect({
        method: InlineCompletionRequest.method,
        uri: document.uri.toString(),
        version: document.version,
        position,
        trigger: invoked ? 'invoked' : 'automatic',
      });
      const start = performance.now();
      try {
        const answer = await next(document, position, context, token);
        if (token.isCancellationRequested) {
          return null;
        }
        status.showRoundTrip(performance.now() - start);
        if (count(answer) === 0) {
          tell(invoked, `Unmask: ${whyNothing(status, asked)}`);
        }
        return answer;
      } finally {
        reasons.forget(asked);
      }
    },
  };
}

/** Whether there are several cursors or a selection, where ghost text would be in the way. */
function selectsSomething(document: vscode.TextDocument): boolean {
  const editor = vscode.window.activeTextEditor;
  return (
    editor?.document === document && (editor.selections.length > 1 || !editor.selection.isEmpty)
  );
}

function count(
  answer: vscode.InlineCompletionItem[] | vscode.InlineCompletionList | null | undefined,
): number {
  return (Array.isArray(answer) ? answer : (answer?.items ?? [])).length;
}

function whyNothing(status: StatusBar, { reason }: Answer): string {
  const { state, message } = status.status;
  if (state !== 'ready') {
    return message || state;
  }
  return reason ? `nothing to offer here: ${reason}` : 'nothing to offer here';
}

function tell(wanted: boolean, text: string): void {
  if (wanted) {
    vscode.window.setStatusBarMessage(text, HINT_MS);
  }
}
