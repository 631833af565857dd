// Promises that nobody waits for.

/** Where a failure is noted; a LogOutputChannel is one. */
export interface DebugLog {
  debug(message: string): void;
}

/** Let `work` go on by itself; should it fail, the log has why, at debug level. */
export function inBackground(work: PromiseLike<unknown>, log: DebugLog): void {
  work.then(undefined, (error: unknown) => {
    log.debug(`in the background: ${error instanceof Error ? error.stack : String(error)}`);
  });
}
