import assert from 'node:assert/strict';
import { test } from 'node:test';

import { findServer, type Places } from '../src/environment.ts';

const NOTHING: Places = {
  command: [],
  interpreter: '',
  folders: [],
  path: '',
  home: '/home/me',
  windows: false,
};
const EVERYTHING: Places = {
  ...NOTHING,
  command: ['/opt/unmask', 'serve', '--tcp', 'localhost:1'],
  interpreter: '/opt/python',
  folders: ['/work/a', '/work/b'],
  path: '/usr/local/bin:/usr/bin',
};

const files = (...present: string[]) => {
  return (file: string) => present.includes(file);
};
const everyFile = () => true;

void test('the command of the settings wins, with its arguments', () => {
  const launch = findServer(EVERYTHING, everyFile);
  assert.equal(launch?.command, '/opt/unmask');
  assert.deepEqual(launch.args, ['serve', '--tcp', 'localhost:1']);
});

void test('the server runs in the first folder that is trusted, else at home', () => {
  const places = [EVERYTHING, { ...EVERYTHING, command: [] }, { ...NOTHING, path: '/usr/bin' }];
  const folders = places.map((where) => findServer(where, everyFile)?.cwd);
  assert.deepEqual(folders, ['/work/a', '/work/a', '/home/me']);
});

void test('the interpreter of the settings comes second and runs the module', () => {
  const launch = findServer({ ...EVERYTHING, command: [] }, everyFile);
  assert.equal(launch?.command, '/opt/python');
  assert.deepEqual(launch.args, ['-m', 'lsp_server', 'serve']);
});

void test('what the settings name is taken at its word even if it is not there', () => {
  assert.equal(findServer(EVERYTHING, files())?.command, '/opt/unmask');
});

void test('then the first .venv of the workspace that has unmask', () => {
  const places = { ...EVERYTHING, command: [], interpreter: '' };
  const launch = findServer(places, files('/work/b/.venv/bin/unmask', '/usr/bin/unmask'));
  assert.equal(launch?.command, '/work/b/.venv/bin/unmask');
  assert.deepEqual(launch.args, ['serve']);
  assert.match(launch.origin, /\/work\/b/);
});

void test('then the PATH, in its order', () => {
  const places = { ...EVERYTHING, command: [], interpreter: '' };
  const launch = findServer(places, files('/usr/local/bin/unmask', '/usr/bin/unmask'));
  assert.equal(launch?.command, '/usr/local/bin/unmask');
  assert.equal(launch.origin, 'PATH');
});

void test('an untrusted workspace contributes no folder, so its .venv is not run', () => {
  const places = { ...EVERYTHING, command: [], interpreter: '', folders: [], path: '' };
  assert.equal(findServer(places, files('/work/a/.venv/bin/unmask')), undefined);
});

void test('nothing is found where nothing is', () => {
  assert.equal(findServer(NOTHING, files()), undefined);
});

void test('Windows has other names', () => {
  const places = { ...NOTHING, path: 'C:/a;C:/b', windows: true };
  assert.equal(findServer(places, files('C:/b/unmask.exe'))?.command, 'C:/b/unmask.exe');
});

void test('~ and ${workspaceFolder} are expanded', () => {
  const command = ['~/bin/unmask', '${workspaceFolder}/x'];
  const launch = findServer({ ...NOTHING, command, folders: ['/work/a'] }, files());
  assert.equal(launch?.command, '/home/me/bin/unmask');
  assert.deepEqual(launch.args, ['/work/a/x']);
});
