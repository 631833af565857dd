// Finds the language server's program. Does not use VS Code, so that it can be tested without.

import * as path from 'node:path';

/** The places to search, from the settings, the workspace and the machine. */
export interface Places {
  /** `unmask.server.command`: the program and its arguments. */
  command: string[];
  /** `unmask.server.interpreter`: a Python in whose environment unmask is installed. */
  interpreter: string;
  /** Folders whose `.venv` may be run: the workspace's if it is trusted, else none. */
  folders: string[];
  /** The PATH variable. */
  path: string;
  home: string;
  windows: boolean;
}

/** A program to run as the language server. */
export interface Launch {
  command: string;
  args: string[];
  /** The working directory; never an untrusted folder. */
  cwd: string;
  /** Where it was found, for the log. */
  origin: string;
}

/**
 * Find the server, in this order:
 *
 * 1. the setting `unmask.server.command`, as it is;
 * 2. the setting `unmask.server.interpreter`: that Python, with `-m lsp_server serve`;
 * 3. `.venv` in a folder of the workspace (and, while the extension is being developed, in its
 *    repository);
 * 4. `unmask` on the PATH.
 *
 * A program named by the settings is not checked or searched: if wrong, the user sees the error.
 */
export function findServer(places: Places, isFile: (file: string) => boolean): Launch | undefined {
  const cwd = places.folders[0] ?? places.home;
  const [command, ...args] = places.command.map((part) => expand(part, places));
  if (command) {
    return { command, args, cwd, origin: 'setting unmask.server.command' };
  }
  if (places.interpreter) {
    return {
      command: expand(places.interpreter, places),
      args: ['-m', 'lsp_server', 'serve'],
      cwd,
      origin: 'setting unmask.server.interpreter',
    };
  }
  const [scripts, program] = places.windows ? ['Scripts', 'unmask.exe'] : ['bin', 'unmask'];
  const delimiter = places.windows ? ';' : ':';
  const candidates = [
    ...places.folders.map((folder) => ({
      file: path.join(folder, '.venv', scripts, program),
      origin: `the .venv of ${folder}`,
    })),
    ...places.path
      .split(delimiter)
      .filter(Boolean)
      .map((folder) => ({ file: path.join(folder, program), origin: 'PATH' })),
  ];
  const found = candidates.find(({ file }) => isFile(file));
  return found && { command: found.file, args: ['serve'], cwd, origin: found.origin };
}

/** `~` and `${workspaceFolder}` in a setting; the latter only where the workspace is trusted. */
function expand(text: string, places: Places): string {
  const atHome = text.startsWith('~/') ? path.join(places.home, text.slice(2)) : text;
  const folder = places.folders[0];
  return folder ? atHome.replaceAll('${workspaceFolder}', folder) : atHome;
}
