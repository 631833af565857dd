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

/** Reproducible pseudo-random integers below a bound. */
function random(seed: number): (bound: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

/** Wait for a while that is counted in turns of the microtask queue, or of the event loop. */
async function pass(below: (bound: number) => number): Promise<void> {
  if (below(6) === 0) {
    await turn();
  }
  for (let turns = below(9); turns > 0; turns--) {
    await Promise.resolve();
  }
}

void test('runs never overlap and a caller gets the run after its call, whenever it calls', async () => {
  for (let seed = 0; seed < 3000; seed++) {
    const below = random(seed);
    const failed: boolean[] = []; // of every run that has ended
    let started = 0;
    let calls = 0;
    const queue = new RunQueue(() => {
      assert.equal(started, failed.length, `seed ${seed}: a second run beside the first`);
      started++;
      const fails = below(3) === 0;
      const end = () => {
        failed.push(fails);
        if (fails) {
          throw new Error('no');
        }
      };
      if (below(4) === 0) {
        end(); // at once, and what it throws is no promise
        return Promise.resolve();
      }
      return pass(below).then(end);
    });
    const caller = async () => {
      for (let rest = 1 + below(4); rest > 0; rest--) {
        await pass(below);
        const run = started; // the first that starts after this call
        calls++;
        const failure = await queue.run().then(
          () => false,
          () => true,
        );
        assert.equal(failure, failed[run], `seed ${seed}: the outcome of run ${run}`);
      }
    };
    await Promise.all(Array.from({ length: 2 + below(4) }, caller));
    await turn();
    assert.equal(started, failed.length, `seed ${seed}: a run that never ended`);
    assert.ok(started <= calls, `seed ${seed}: a run that nobody asked for`);
  }
});

void test('a caller between the end of a run and the start of the next joins the next', async () => {
  const { queue, ends, most } = controlled();
  const first = queue.run();
  const waiting = queue.run();
  const third = first.then(() => queue.run());
  ends[0]?.();
  await turn();
  ends.slice(1).forEach((end) => {
    end();
  });
  await waiting;
  await turn();
  ends.slice(2).forEach((end) => {
    end();
  });
  await third;
  assert.equal(most(), 1);
});
