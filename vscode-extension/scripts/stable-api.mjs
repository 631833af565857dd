// Fails when the extension could use an API that VS Code does not promise: the types must be those
// of the oldest version that it says it runs on, and the hooks that are proposals (handleDid…,
// handleEndOfLifetime) must not occur, because a type checker does not miss a hook nobody calls.

import { readFile, readdir } from 'node:fs/promises';

const manifest = JSON.parse(await readFile('package.json', 'utf8'));
const types = manifest.devDependencies['@types/vscode'];
const engine = manifest.engines.vscode;
const faults = [];
if (engine !== `^${types}`) {
  faults.push(`engines.vscode is ${engine}, but @types/vscode is ${types}: they must be the same`);
}
if (manifest.enabledApiProposals) {
  faults.push('package.json enables proposed API');
}
for (const name of await readdir('src', { recursive: true })) {
  if (name.endsWith('.ts')) {
    const text = await readFile(`src/${name}`, 'utf8');
    for (const [hook] of text.matchAll(/\bhandle(Did|End|List|Reject)[A-Z]\w*/g)) {
      faults.push(`src/${name} uses ${hook}, which is proposed API`);
    }
  }
}
for (const fault of faults) {
  console.error(fault);
}
process.exitCode = faults.length > 0 ? 1 : 0;
