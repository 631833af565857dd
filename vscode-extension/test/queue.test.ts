import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RunQueue } from '../src/queue.ts';

/** A queue whose runs end only when told to. */
function controlled() {
  const ends: ((error?: Error) => void)[] = [];
  let active = 0;
  let most = 0;
  const queue = new RunQueue(async () => {
    most = Math.max(most, ++active);
    await new Promise<void>((resolve, reject) => {
      ends.push((error) => {
        if (error) {
          reject(error);
        } else {
          resolve();
        }
      });
    }).finally(() => active--);
  });
  return { queue, ends, most: () => most };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

void test('many requests during a run become one further run', async () => {
  const { queue, ends, most } = controlled();
  const first = queue.run();
  const others = [queue.run(), queue.run(), queue.run()];
  assert.equal(ends.length, 1);
  ends[0]?.();
  await first;
  await turn();
  assert.equal(ends.length, 2);
  ends[1]?.();
  await Promise.all(others);
  await turn();
  assert.equal(ends.length, 2);
  assert.equal(most(), 1);
});

void test('a run that fails is its own caller’s matter and does not stop the next', async () => {
  const { queue, ends } = controlled();
  const first = queue.run();
  const second = queue.run();
  ends[0]?.(new Error('no'));
  await assert.rejects(first, /no/);
  await turn();
  ends[1]?.();
  await second;
});

void test('a queue that is idle starts at once', async () => {
  const { queue, ends } = controlled();
  for (const run of [0, 1]) {
    const done = queue.run();
    assert.equal(ends.length, run + 1);
    ends[run]?.();
    await done;
  }
});
