import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Latency } from '../src/messages.ts';
import { Reasons, type Asked } from '../src/reasons.ts';

const ASKED: Asked = {
  method: 'textDocument/inlineCompletion',
  uri: 'file:///shop/orders.py',
  version: 7,
  position: { line: 27, character: 11 },
  trigger: 'invoked',
};
const COST = {
  ms: 12,
  offered: false,
  message: 'not sure enough',
  forwards: { prefill: 1, verify: 0, canvas: 0 },
  tokens: 0,
  cached: false,
  cachedTokens: 0,
  model: 'embedded',
  device: 'cpu',
  precision: 'int8',
};
const WITHHELD: Latency = { ...COST, ...ASKED };

/** The reason that a request gets to know when the server says `latencies` meanwhile. */
function reason(...latencies: Latency[]): string | undefined {
  const reasons = new Reasons();
  const answer = reasons.expect(ASKED);
  latencies.forEach((latency) => {
    reasons.note(latency);
  });
  return answer.reason;
}

void test('the reason is that of the request', () => {
  assert.equal(reason(WITHHELD), 'not sure enough');
});

const others: [string, Partial<Latency>][] = [
  ['method', { method: 'unmask/infill' }],
  ['document', { uri: 'file:///shop/baskets.py' }],
  ['version', { version: 8 }],
  ['line', { position: { line: 26, character: 11 } }],
  ['column', { position: { line: 27, character: 10 } }],
  ['trigger', { trigger: 'automatic' }],
];
for (const [what, other] of others) {
  void test(`the reason of a request with another ${what} is not taken for it`, () => {
    const foreign = { ...WITHHELD, ...other, message: 'the text after the cursor is in the way' };
    assert.equal(reason(foreign), undefined);
    assert.equal(reason(WITHHELD, foreign), 'not sure enough');
    assert.equal(reason(foreign, WITHHELD), 'not sure enough');
  });
}

void test('a server that does not say which request it means gives no reason', () => {
  assert.equal(reason({ ...COST, method: ASKED.method, version: ASKED.version }), undefined);
});

void test('a text that is offered has no reason why it is not', () => {
  assert.equal(reason({ ...WITHHELD, offered: true, message: 'a text is offered' }), undefined);
});

void test('what was said before the request, or after its end, is about another one', () => {
  const reasons = new Reasons();
  reasons.note(WITHHELD);
  const answer = reasons.expect(ASKED);
  assert.equal(answer.reason, undefined);
  reasons.forget(answer);
  reasons.note(WITHHELD);
  assert.equal(answer.reason, undefined);
});

void test('requests that are under way together get their own reasons', () => {
  const reasons = new Reasons();
  const invoked = reasons.expect(ASKED);
  const automatic = reasons.expect({ ...ASKED, trigger: 'automatic' });
  reasons.note({ ...WITHHELD, trigger: 'automatic', message: 'the text would end at once' });
  reasons.note(WITHHELD);
  assert.equal(invoked.reason, 'not sure enough');
  assert.equal(automatic.reason, 'the text would end at once');
});
