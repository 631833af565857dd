import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Latency, Status } from '../src/messages.ts';
import { duration, label, spoken, stateOf, tooltip, type View } from '../src/statusText.ts';

const READY: Status = {
  state: 'ready',
  message: '',
  model: {
    name: 'embedded',
    family: 'Qwen2.5-Coder-0.5B',
    parameters: 494_000_000,
    device: 'cpu',
    precision: 'int8',
    loadMs: 9000,
  },
};
const LATENCY: Latency = {
  method: 'textDocument/inlineCompletion',
  ms: 83.6,
  offered: true,
  message: 'a text is offered',
  forwards: { prefill: 1, verify: 3, canvas: 2 },
  tokens: 7,
  tokensPerForward: 2.3333,
  cached: false,
  cachedTokens: 120,
  p50: 84.2,
  p95: 210.9,
  model: 'embedded',
  device: 'cpu',
  precision: 'int8',
  span: 'argument_list',
  version: 3,
};

const labels: [string, View, string][] = [
  ['ready, nothing yet', { status: READY }, '$(zap) Unmask'],
  ['ready', { status: READY, offered: LATENCY, last: LATENCY }, '$(zap) 84 ms'],
  [
    'loading',
    { status: { state: 'loading', message: 'loading the model' } },
    '$(loading~spin) Unmask',
  ],
  [
    'loading, with progress',
    { status: { state: 'loading', message: '', progress: 0.999 } },
    '$(loading~spin) Unmask 99%',
  ],
  [
    'ready, while another model loads',
    { status: { ...READY, message: 'dream: loading', progress: 0.424 }, offered: LATENCY },
    '$(zap) 84 ms $(loading~spin) 42%',
  ],
  [
    'ready, while the first of all completions is still to come',
    { status: { ...READY, message: 'dream: loading', progress: 0 } },
    '$(zap) Unmask $(loading~spin) 0%',
  ],
  [
    'ready, though not with the model that was chosen',
    { status: { ...READY, message: 'dream: no' }, offered: LATENCY },
    '$(warning) 84 ms',
  ],
  [
    'paused, whatever the latency was',
    { status: { state: 'paused', message: '' }, offered: LATENCY },
    '$(debug-pause) Unmask',
  ],
  ['off', { status: { state: 'off', message: '' } }, '$(circle-slash) Unmask'],
  [
    'off for a language',
    { status: READY, offered: LATENCY, offLanguage: 'markdown' },
    '$(circle-slash) Unmask',
  ],
  ['error', { status: { state: 'error', message: 'no model' } }, '$(error) Unmask'],
];
for (const [name, view, expected] of labels) {
  void test(`label: ${name}`, () => {
    assert.equal(label(view), expected);
  });
}

void test('an error is not hidden by a language that is off', () => {
  assert.equal(stateOf({ status: { state: 'error', message: '' }, offLanguage: 'x' }), 'error');
});

void test('the tooltip has what the answer cost and what computed it', () => {
  const text = tooltip({ status: READY, offered: LATENCY, last: LATENCY, roundTrip: 91.3 });
  for (const row of [
    '| Last completion | 84 ms, 7 tokens |',
    '| Forwards | 1 prefill, 3 verify, 2 canvas |',
    '| Tokens per forward | 2.33 |',
    '| p50 / p95 | 84 ms / 211 ms |',
    '| Span | argument list |',
    '| Editor waited | 91 ms |',
    '| Model | embedded: Qwen2.5\\-Coder\\-0.5B |',
    '| Device | cpu, int8 |',
  ]) {
    assert.ok(text.includes(row), `${row}\nis missing in\n${text}`);
  }
  assert.ok(!text.includes('Nothing offered'));
});

void test('an answer from the cache has no forwards to speak of', () => {
  const { tokensPerForward: _, ...rest } = LATENCY;
  const none = { prefill: 0, verify: 0, canvas: 0 };
  const text = tooltip({ status: READY, offered: { ...rest, cached: true, forwards: none } });
  assert.match(text, /84 ms, 7 tokens, from the cache/);
  assert.ok(!text.includes('Tokens per forward'));
});

void test('the tooltip says why nothing was offered, and keeps the last cost', () => {
  const withheld = { ...LATENCY, offered: false, message: 'not sure enough' };
  const text = tooltip({ status: READY, offered: LATENCY, last: withheld });
  assert.match(text, /\| Nothing offered now \| not sure enough \|/);
  assert.match(text, /84 ms, 7 tokens/);
});

void test('a message cannot smuggle links, rows or icons into the tooltip', () => {
  const message = '[x](command:evil) | y\n$(zap) `code`';
  const text = tooltip({ status: { state: 'error', message } });
  assert.ok(text.includes('\\[x\\]\\(command:evil\\) \\| y \\$\\(zap\\) \\`code\\`'));
});

void test('the tooltip offers what makes sense now', () => {
  assert.match(tooltip({ status: READY }), /command:unmask\.pause/);
  assert.match(tooltip({ status: { state: 'paused', message: '' } }), /command:unmask\.resume/);
  assert.match(tooltip({ status: { state: 'error', message: '' } }), /command:unmask\.restart/);
});

void test('the tooltip says what is being loaded, and what serves', () => {
  const text = tooltip({ status: { ...READY, message: 'dream: loading', progress: 0.4 } });
  assert.match(text, /\*\*Unmask\*\* — dream: loading/);
  assert.match(text, /\| Model \| embedded/);
});

void test('screen readers get words', () => {
  assert.equal(
    spoken({ status: { ...READY, message: 'dream: loading', progress: 0.4 }, offered: LATENCY }),
    'Unmask: the last completion took 84 milliseconds; dream: loading',
  );
  assert.equal(
    spoken({ status: READY, offered: LATENCY }),
    'Unmask: the last completion took 84 milliseconds',
  );
  assert.equal(spoken({ status: { state: 'paused', message: '' } }), 'Unmask: paused');
});

void test('durations have as many digits as mean something', () => {
  assert.deepEqual([0, 83.5, 9999, 9999.5, 12_345].map(duration), [
    '0 ms',
    '84 ms',
    '9999 ms',
    '10.0 s',
    '12.3 s',
  ]);
});
