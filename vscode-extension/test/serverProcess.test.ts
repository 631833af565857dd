import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as path from 'node:path';
import { test } from 'node:test';

import { ServerProcess } from '../src/serverProcess.ts';

const GRANDCHILD = `
  const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  console.log(child.pid);
  child.unref();
`;
const FOR_EVER = 'setInterval(() => {}, 1000);';
const DEAF = `process.on('SIGTERM', () => {}); process.stdin.resume(); ${FOR_EVER}`;

function start(script: string, onLine: (line: string) => void = () => undefined): ServerProcess {
  const launch = { command: process.execPath, args: ['-e', script], cwd: '.', origin: 'test' };
  return new ServerProcess(launch, onLine);
}

/** The number that a process prints first. */
async function firstNumber(started: ServerProcess): Promise<number> {
  const { stdout } = await started.started;
  const [line] = (await once(stdout, 'data')) as [Buffer];
  return Number(line.toString());
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Wait until a process has ended; that of a process which nobody waits for takes a moment. */
async function ended(pid: number): Promise<void> {
  while (runs(pid)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

void test('a process that ends in order is waited for', async () => {
  const server = start('process.stdin.on("end", () => {}).resume()');
  const { pid, stdin } = await server.started;
  stdin.end();
  await server.end(600_000);
  assert.ok(pid !== undefined && !runs(pid));
});

void test('a process that outlives its client is ended', { timeout: 60_000 }, async () => {
  const server = start(DEAF);
  const { pid } = await server.started;
  await server.end(0);
  assert.ok(pid !== undefined && !runs(pid));
});

void test('what a process started ends with it', { timeout: 60_000 }, async () => {
  const server = start(GRANDCHILD + FOR_EVER);
  const grandchild = await firstNumber(server);
  assert.ok(runs(grandchild));
  await server.end(0);
  await ended(grandchild);
});

void test('what a process left behind when it died ends, too', { timeout: 60_000 }, async () => {
  const server = start(GRANDCHILD + FOR_EVER);
  const grandchild = await firstNumber(server);
  (await server.started).kill('SIGKILL');
  await server.gone;
  await ended(grandchild);
});

void test('a process ends with the one that started it', { timeout: 60_000 }, async () => {
  const script = `
    import { ServerProcess } from ${JSON.stringify(path.resolve('src', 'serverProcess.ts'))};
    const args = ['-e', ${JSON.stringify(DEAF)}];
    const launch = { command: process.execPath, args, cwd: '.', origin: 'test' };
    const { pid } = await new ServerProcess(launch, () => {}).started;
    console.log(pid);
    setTimeout(() => process.exit(), 100);
  `;
  const args = ['--input-type=module', '-e', script];
  const launch = { command: process.execPath, args, cwd: '.', origin: 'test' };
  const parent = new ServerProcess(launch, () => undefined);
  const child = await firstNumber(parent);
  await parent.gone;
  await ended(child);
});

void test('the last words of a process are the end of its standard error', async () => {
  const heard: string[] = [];
  const server = start('for (let i = 0; i < 100; i++) console.error(`word ${i}`)', (line) => {
    heard.push(line);
  });
  const words = await server.lastWords;
  assert.equal(heard.length, 100);
  assert.deepEqual(words, heard.slice(70));
});

void test('a program that is not there does not start, and is gone', async () => {
  const launch = { command: '/no/such/program', args: [], cwd: '.', origin: 'test' };
  const server = new ServerProcess(launch, () => undefined);
  await assert.rejects(server.started, /ENOENT/);
  await server.gone;
  await server.end(0);
});
