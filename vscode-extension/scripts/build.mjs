// Bundles the extension into one file, out/extension.js, with the licences of what is in it.

import { readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { build } from 'esbuild';

const { metafile } = await build({
  entryPoints: ['src/extension.ts'],
  outfile: 'out/extension.js',
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode'],
  minify: true,
  metafile: true,
});

const packages = new Set(
  Object.keys(metafile.inputs)
    .map((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1])
    .filter(Boolean),
);
const notices = [];
for (const folder of [...packages].sort()) {
  const { name, version } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'));
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) {
    throw new Error(`${name} has no licence file to be taken along`);
  }
  notices.push(`${name} ${version}\n\n${await readFile(path.join(folder, file), 'utf8')}`);
}
await writeFile('out/third-party-licenses.txt', notices.join(`\n${'-'.repeat(80)}\n\n`));
