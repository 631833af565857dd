// Why a completion brought nothing, as the server says in the message about what it cost.

import type { Latency } from './messages.ts';

/** A request for a completion, by all that tells it from others. */
export type Asked = Required<Pick<Latency, 'method' | 'uri' | 'version' | 'position' | 'trigger'>>;

/** Of a request that is under way. */
export interface Answer {
  /** Why it brings nothing, once the server has said so. */
  reason: string | undefined;
}

/** The requests that are under way. */
export class Reasons {
  readonly #open = new Map<Answer, Asked>();

  /** A request is about to be sent; what the server says of it will be in the answer. */
  expect(asked: Asked): Answer {
    const answer = { reason: undefined };
    this.#open.set(answer, asked);
    return answer;
  }

  /** The request is over. */
  forget(answer: Answer): void {
    this.#open.delete(answer);
  }

  /** The server has said what a request cost. */
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
