// The status bar item: holds its state and updates it. Its texts come from statusText.ts.

import * as vscode from 'vscode';

import { inBackground } from './background.ts';
import { log } from './log.ts';
import type { Latency, Status } from './messages.ts';
import { label, spoken, stateOf, tooltip, type View } from './statusText.ts';
import { languageEnabled } from './settings.ts';

const LINKED = ['pause', 'resume', 'restart', 'showLog']; // commands in the tooltip

export class StatusBar implements vscode.Disposable {
  readonly #item: vscode.StatusBarItem;
  readonly #subscriptions: vscode.Disposable;
  #view: View = { status: { state: 'loading', message: 'starting the server' } };

  constructor() {
    this.#item = vscode.window.createStatusBarItem(
      'unmask.status',
      vscode.StatusBarAlignment.Right,
      100,
    );
    this.#item.name = 'Unmask';
    this.#item.command = 'unmask.showMenu';
    const repaint = () => {
      this.#paint();
    };
    this.#subscriptions = vscode.Disposable.from(
      this.#item,
      vscode.window.onDidChangeActiveTextEditor(repaint),
      vscode.workspace.onDidOpenTextDocument(repaint), // also after a change of language
      vscode.workspace.onDidChangeConfiguration(repaint),
    );
    this.#paint();
    this.#item.show();
  }

  /** Set the server's status. */
  get status(): Status {
    return this.#view.status;
  }

  showStatus(status: Status): void {
    this.#view = { ...this.#view, status };
    this.#paint();
  }

  showLatency(last: Latency): void {
    this.#view = { ...this.#view, last, ...(last.offered && { offered: last }) };
    this.#paint();
  }

  /** Set how long the editor waited for its last request, in milliseconds. */
  showRoundTrip(roundTrip: number): void {
    this.#view = { ...this.#view, roundTrip };
    this.#paint();
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }

  #paint(): void {
    const { offLanguage: _, ...view } = this.#view;
    const language = vscode.window.activeTextEditor?.document.languageId;
    this.#view = language && !languageEnabled(language) ? { ...view, offLanguage: language } : view;
    const state = stateOf(this.#view);
    const text = new vscode.MarkdownString(tooltip(this.#view), true);
    text.isTrusted = { enabledCommands: LINKED.map((name) => `unmask.${name}`) };
    this.#item.text = label(this.#view);
    this.#item.tooltip = text;
    this.#item.accessibilityInformation = { label: spoken(this.#view), role: 'button' };
    this.#item.backgroundColor =
      state === 'error' ? new vscode.ThemeColor('statusBarItem.errorBackground') : undefined;
    inBackground(
      vscode.commands.executeCommand('setContext', 'unmask.state', this.#view.status.state),
      log,
    );
  }
}
