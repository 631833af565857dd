import assert from 'node:assert/strict';
import { test } from 'node:test';

import { inBackground } from '../src/background.ts';

function logged() {
  const lines: string[] = [];
  const log = {
    debug: (line: string) => {
      lines.push(line);
    },
  };
  return { lines, log };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

void test('work that fails in the background is in the log and nowhere else', async (context) => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => {
    unhandled.push(error);
  };
  process.on('unhandledRejection', note);
  context.after(() => process.off('unhandledRejection', note));
  const { lines, log } = logged();
  inBackground(Promise.reject(new Error('the connection is closed')), log);
  await turn();
  await turn();
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /the connection is closed/);
  assert.deepEqual(unhandled, []);
});

void test('work that succeeds in the background leaves no trace', async () => {
  const { lines, log } = logged();
  inBackground(Promise.resolve(1), log);
  await turn();
  assert.deepEqual(lines, []);
});
