// The reasons why completions brought no text, from the server's messages about their cost.

import type { Latency } from './messages.ts';

/** Identifies a completion request. */
export type Asked = Required<Pick<Latency, 'method' | 'uri' | 'version' | 'position' | 'trigger'>>;

/** The state of a pending request. */
export interface Answer {
  /** The reason why it brings no text, once the server has sent it. */
  reason: string | undefined;
}

/** The pending requests. */
export class Reasons {
  readonly #open = new Map<Answer, Asked>();

  /** Add a request that is about to be sent; the server's reason will be in the returned object. */
  expect(asked: Asked): Answer {
    const answer = { reason: undefined };
    this.#open.set(answer, asked);
    return answer;
  }

  /** Remove a request that has ended. */
  forget(answer: Answer): void {
    this.#open.delete(answer);
  }

  /** Record the server's message about a request's cost. */
  note(latency: Latency): void {
    for (const [answer, asked] of this.#open) {
      if (isAbout(latency, asked)) {
        answer.reason = latency.offered ? undefined : latency.message;
      }
    }
  }
}

function isAbout(latency: Latency, asked: Asked): boolean {
  return (
    latency.method === asked.method &&
    latency.uri === asked.uri &&
    latency.version === asked.version &&
    latency.position?.line === asked.position.line &&
    latency.position.character === asked.position.character &&
    latency.trigger === asked.trigger
  );
}
