import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ModelListing } from '../src/messages.ts';
import { describe, obstacle, reaction } from '../src/modelText.ts';

const MODEL: ModelListing = {
  name: 'dream',
  family: 'dream',
  parameters: 7_615_616_512,
  memory: 9_123_000_000,
  precision: 'int8',
  licence: 'apache-2.0',
  suffix: 'seen',
  fits: true,
  inUse: false,
};
const SERVING = { ...MODEL, inUse: true };
const LARGE = {
  ...MODEL,
  fits: false,
  problem: 'needs 15.2 GB of memory, 9.1 GB are free',
};

void test('an entry has size, memory, licence, what it sees, and whether it runs here', () => {
  assert.deepEqual(describe(MODEL), {
    label: '$(blank) dream',
    description: 'dream, 7.6B parameters',
    detail:
      'runs here · 9.1 GB of memory in int8 · licence apache-2.0 · sees what follows the cursor',
  });
});

void test('the model in use is marked, even if a second one would not fit', () => {
  const { label, detail } = describe({ ...LARGE, inUse: true });
  assert.equal(label, '$(check) dream');
  assert.match(detail, /^in use · /);
});

void test('a model that does not fit says why', () => {
  const { label, detail } = describe(LARGE);
  assert.equal(label, '$(circle-slash) dream');
  assert.match(detail, /^cannot run here: needs 15\.2 GB of memory, 9\.1 GB are free · /);
});

void test('of a folder that was not understood nothing is claimed', () => {
  const { description, detail } = describe({
    ...MODEL,
    parameters: 0,
    fits: false,
    problem: 'no config.json',
  });
  assert.equal(description, '');
  assert.equal(detail, 'cannot run here: no config.json');
});

const sizes: [number, string][] = [
  [1, '1M'],
  [494_032_768, '494M'],
  [999_400_000, '999M'],
  [1_543_714_304, '1.5B'],
];
for (const [parameters, expected] of sizes) {
  void test(`${parameters} parameters are ${expected}`, () => {
    assert.equal(describe({ ...MODEL, parameters }).description, `dream, ${expected} parameters`);
  });
}

const suffixes: [ModelListing['suffix'], RegExp][] = [
  ['seen', /sees what follows/],
  ['prompt', /is told what follows/],
  ['unseen', /does not see what follows/],
];
for (const [suffix, expected] of suffixes) {
  void test(`suffix: ${suffix}`, () => {
    assert.match(describe({ ...MODEL, suffix }).detail, expected);
  });
}

const reactions: [string, ModelListing, string, ReturnType<typeof reaction>][] = [
  ['another model', MODEL, 'embedded', 'set'],
  ['one where none was set', MODEL, '', 'set'],
  ['one that cannot run here', LARGE, 'embedded', 'explain'],
  ['the one in use', SERVING, 'dream', 'nothing'],
  ['the one in use, unset', SERVING, '', 'nothing'],
  ['the one in use instead of one that failed', SERVING, 'broken', 'set'],
  ['one that failed, again', MODEL, 'dream', 'restart'],
];
for (const [name, model, setting, expected] of reactions) {
  void test(`choosing ${name}`, () => {
    assert.equal(reaction(model, setting), expected);
  });
}

void test('a model without room has a reason even if the server gave none', () => {
  assert.equal(obstacle({ ...MODEL, fits: false }), 'there is too little memory');
});
