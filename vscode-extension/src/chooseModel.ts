// The command that lists the models and sets the chosen one; the server follows the setting.

import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';

import { inBackground } from './background.ts';
import type { Server } from './client.ts';
import { log } from './log.ts';
import { MODELS, type ModelListing } from './messages.ts';
import { describe, obstacle, reaction } from './modelText.ts';
import { modelSetting, setModel } from './settings.ts';

export async function chooseModel(client: LanguageClient, server: Server): Promise<void> {
  const model = await pick(client.sendRequest<ModelListing[]>(MODELS, {}));
  if (!model) {
    return;
  }
  switch (reaction(model, modelSetting())) {
    case 'explain': {
      const text = `Unmask cannot switch to ${model.name}: ${obstacle(model)}.`;
      inBackground(vscode.window.showWarningMessage(text), log);
      break;
    }
    case 'set':
      await setModel(model.name);
      break;
    case 'restart':
      await server.restart();
      break;
    case 'nothing':
      break;
  }
}

async function pick(models: Promise<ModelListing[]>): Promise<ModelListing | undefined> {
  const entries = models.then((all) => all.map((model) => ({ ...describe(model), model })));
  const choice = await vscode.window.showQuickPick(entries, {
    title: 'Unmask: Choose Model',
    placeHolder: 'The model that serves goes on until the other one is ready',
    matchOnDescription: true,
    matchOnDetail: true,
  });
  return choice?.model;
}
