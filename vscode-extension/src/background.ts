// Runs promises in the background and logs their failures.

/** Where failures are logged; a LogOutputChannel is one. */
export interface DebugLog {
  debug(message: string): void;
}

/** Do not wait for `work`; if it fails, log the reason at debug level. */
export function inBackground(work: PromiseLike<unknown>, log: DebugLog): void {
  work.then(undefined, (error: unknown) => {
    log.debug(`in the background: ${error instanceof Error ? error.stack : String(error)}`);
  });
}
