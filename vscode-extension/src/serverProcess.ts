// The process of a server: starts it, reads its output, ends it with all its child processes.

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import * as readline from 'node:readline';

import type { Launch } from './environment.ts';

const TAIL_LINES = 30;
const WINDOWS = process.platform === 'win32';

export class ServerProcess {
  /** Resolves to the process once it runs; rejects if it cannot be started. */
  readonly started: Promise<ChildProcessWithoutNullStreams>;
  /** Resolves when it has ended, or could not be started. */
  readonly gone: Promise<void>;
  /** Resolves to the end of its standard error, when that is complete. */
  readonly lastWords: Promise<string[]>;
  readonly #child: ChildProcessWithoutNullStreams;

  /** Throws if the program or an argument is not valid for the operating system. */
  constructor(launch: Launch, onLine: (line: string) => void) {
    const child = spawn(launch.command, launch.args, {
      cwd: launch.cwd,
      detached: !WINDOWS, // in a process group of its own, which can be killed as a whole
      windowsHide: true,
    });
    this.#child = child;
    this.started = new Promise((resolve, reject) => {
      child.once('spawn', () => {
        resolve(child);
      });
      child.on('error', reject);
    });
    this.started.catch(() => undefined); // no unhandled rejection if nobody awaits it
    const endWithUs = () => {
      this.#kill();
    };
    process.once('exit', endWithUs); // VS Code does not always wait for `deactivate`
    this.gone = new Promise((resolve) => {
      child.once('exit', () => {
        process.off('exit', endWithUs);
        if (!WINDOWS) {
          this.#kill(); // its child processes
        }
        resolve();
      });
      child.once('error', () => {
        if (child.pid === undefined) {
          process.off('exit', endWithUs);
          resolve();
        }
      });
    });
    child.stdin.on('error', () => undefined); // it ended while it was being written to
    const tail: string[] = [];
    readline.createInterface({ input: child.stderr }).on('line', (line) => {
      tail.push(line);
      tail.splice(0, tail.length - TAIL_LINES);
      onLine(line);
    });
    this.lastWords = new Promise((resolve) => {
      child.once('close', () => {
        resolve(tail);
      });
    });
  }

  /** Wait for its end; kill it after `graceMs`. */
  async end(graceMs: number): Promise<void> {
    const timer = setTimeout(() => {
      this.#kill();
    }, graceMs);
    await this.gone;
    clearTimeout(timer);
    this.#child.stdout.destroy(); // even if a process that left the group holds it open
  }

  #kill(): void {
    const { pid } = this.#child;
    if (pid === undefined) {
      return;
    }
    if (WINDOWS) {
      spawn('taskkill', ['/T', '/F', '/PID', String(pid)], { windowsHide: true }).on('error', () =>
        this.#child.kill(),
      );
      return;
    }
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // No process of the group is left.
    }
  }
}
