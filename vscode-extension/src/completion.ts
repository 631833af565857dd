// What happens around every request for ghost text: whether to ask at all, how long it took,
// and a word for the user when an explicit request brings nothing.

import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';

import { languageEnabled } from './settings.ts';
import type { StatusBar } from './status.ts';

const HINT_MS = 4000;

export function completionMiddleware(status: StatusBar): Middleware {
  return {
    async provideInlineCompletionItems(document, position, context, token, next) {
      const invoked = context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
      if (!languageEnabled(document.languageId)) {
        tell(invoked, `Unmask is off for ${document.languageId}`);
        return null;
      }
      if (!invoked && selectsSomething(document)) {
        return null;
      }
      const start = performance.now();
      const answer = await next(document, position, context, token);
      if (token.isCancellationRequested) {
        return null;
      }
      status.showRoundTrip(performance.now() - start);
      if (count(answer) === 0) {
        tell(invoked, `Unmask: ${emptyReason(status)}`);
      }
      return answer;
    },
  };
}

/** Several cursors, or a selection: ghost text at one of them would only be in the way. */
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

function emptyReason(status: StatusBar): string {
  const { state, message } = status.status;
  return state === 'ready'
    ? `nothing to offer here: ${status.reason ?? 'no answer'}`
    : message || state;
}

function tell(wanted: boolean, text: string): void {
  if (wanted) {
    vscode.window.setStatusBarMessage(text, HINT_MS);
  }
}
