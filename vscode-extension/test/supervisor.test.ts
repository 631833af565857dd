import assert from 'node:assert/strict';
import { mock, test, type TestContext } from 'node:test';

import { PAUSES_MS, PROVEN_MS } from '../src/crashes.ts';
import type { Status } from '../src/messages.ts';
import { Supervisor, type Reports, type Running } from '../src/supervisor.ts';

/** A server that is gone only when it is told to be. */
class Fake implements Running {
  readonly reports: Reports;
  readonly leave: () => void;
  stopped = false;
  gone = false;
  readonly #gone: Promise<void>;

  constructor(reports: Reports) {
    this.reports = reports;
    let leave!: () => void;
    this.#gone = new Promise((resolve) => {
      leave = resolve;
    });
    this.leave = () => {
      this.gone = true;
      leave();
    };
  }

  stop(): Promise<void> {
    this.stopped = true;
    return this.#gone;
  }
}

/** A supervisor of fakes. */
function supervised(
  create: (reports: Reports) => Fake | undefined = (reports) => new Fake(reports),
) {
  const servers: Fake[] = [];
  const shown: Status[] = [];
  let most = 0; // servers at a time
  const show = (status: Status) => shown.push(status);
  const supervisor = new Supervisor<Fake>(
    (reports) => {
      const server = create(reports);
      if (server) {
        servers.push(server);
      }
      most = Math.max(most, servers.filter(({ gone }) => !gone).length);
      return server;
    },
    show,
    { debug: () => undefined },
  );
  const last = () => {
    const server = servers.at(-1);
    assert.ok(server);
    return server;
  };
  return { supervisor, servers, last, show, status: () => shown.at(-1), most: () => most };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

function fakeTime(context: TestContext): (ms: number) => Promise<void> {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  context.after(() => {
    mock.timers.reset();
  });
  return async (ms) => {
    mock.timers.tick(ms);
    await turn();
  };
}

/** The process of a server ends by itself. */
async function crash(server: Fake): Promise<void> {
  server.leave();
  server.reports.ended();
  server.reports.ended(); // the process and the connection both say so
  await turn();
}

void test('the next server is started only when the former one is gone', async () => {
  const { supervisor, servers, last, most } = supervised();
  await supervisor.restart();
  const restarts = [supervisor.restart(), supervisor.restart(), supervisor.restart()];
  await turn();
  const [first] = servers;
  assert.ok(first?.stopped);
  assert.equal(servers.length, 1);
  assert.equal(supervisor.current, undefined);
  first.leave();
  await turn();
  last().leave();
  await Promise.all(restarts);
  assert.equal(supervisor.current, last());
  assert.equal(servers.length, 3); // one for the first of the three restarts, one for the others
  assert.equal(most(), 1);
});

void test('a server that had proven itself is started again at once, as often as it fails', async (context) => {
  const pass = fakeTime(context);
  const { supervisor, servers, last, status } = supervised();
  await supervisor.restart();
  for (let crashes = 1; crashes <= 20; crashes++) {
    last().reports.ready();
    await pass(PROVEN_MS);
    await crash(last());
    await pass(0);
    assert.equal(servers.length, crashes + 1);
    assert.equal(status()?.state, 'loading');
    assert.match(status()?.message ?? '', /failed and is started again/);
  }
});

void test('a server that fails before it is of use is tried less and less often, then no more', async (context) => {
  const pass = fakeTime(context);
  const { supervisor, servers, last, status } = supervised();
  await supervisor.restart();
  for (const [tries, pause] of PAUSES_MS.entries()) {
    if (tries > 0) {
      last().reports.ready();
      await pass(PROVEN_MS - 1); // not long enough
    }
    await crash(last());
    assert.equal(status()?.state, 'loading');
    await pass(pause - 1);
    assert.equal(servers.length, tries + 1);
    await pass(1);
    assert.equal(servers.length, tries + 2);
  }
  await crash(last());
  const given = servers.length;
  await pass(3_600_000);
  assert.equal(servers.length, given);
  assert.equal(supervisor.current, undefined);
  assert.deepEqual(status(), {
    state: 'error',
    message: `the server failed ${given} times in a row; the log says why`,
  });
});

void test('who restarts a server that was given up gets as many tries as before', async (context) => {
  const pass = fakeTime(context);
  const { supervisor, servers, last, status } = supervised();
  for (const round of [1, 2]) {
    await supervisor.restart();
    for (const pause of PAUSES_MS) {
      await crash(last());
      await pass(pause);
    }
    await crash(last());
    assert.equal(status()?.state, 'error');
    assert.equal(servers.length, round * (PAUSES_MS.length + 1));
  }
});

void test('a few crashes long ago do not count', async (context) => {
  const pass = fakeTime(context);
  const { supervisor, servers, last } = supervised();
  await supervisor.restart();
  for (let round = 0; round < 5; round++) {
    for (const pause of PAUSES_MS) {
      await crash(last());
      await pass(pause);
    }
    last().reports.ready();
    await pass(PROVEN_MS);
    await crash(last());
    await pass(0);
  }
  assert.equal(servers.length, 21);
});

void test('a restart by hand during the wait for the next one is the next one', async (context) => {
  const pass = fakeTime(context);
  const { supervisor, servers, last, status } = supervised();
  await supervisor.restart();
  await crash(last());
  await supervisor.restart();
  assert.equal(status()?.message, 'starting the server');
  await pass(3_600_000);
  assert.equal(servers.length, 2);
  assert.equal(supervisor.current, last());
});

void test('a server that can no longer be talked to is ended before the next one starts', async (context) => {
  const pass = fakeTime(context);
  const { supervisor, servers, last } = supervised();
  await supervisor.restart();
  const deaf = last();
  deaf.reports.ended(); // its process goes on
  assert.ok(deaf.stopped);
  await pass(3_600_000);
  assert.equal(servers.length, 1);
  deaf.leave();
  await turn();
  assert.equal(servers.length, 2);
});

void test('while the former server leaves, nobody is told that it could serve', async () => {
  const { supervisor, last, status, show } = supervised();
  await supervisor.restart();
  show({ state: 'ready', message: '' });
  const restarted = supervisor.restart();
  assert.equal(status()?.state, 'loading');
  last().leave();
  await restarted;
});

void test('a server that hangs while it starts can be restarted', async () => {
  const { supervisor, servers, last } = supervised();
  await supervisor.restart(); // it never becomes ready
  const restarted = supervisor.restart();
  last().leave();
  await restarted;
  assert.equal(servers.length, 2);
});

void test('nothing that a former server says is heard', async (context) => {
  const pass = fakeTime(context);
  const { supervisor, servers, last } = supervised();
  const heard: string[] = [];
  await supervisor.restart();
  const former = last();
  const say = former.reports.whileCurrent((text: string) => heard.push(text));
  say('one');
  const restarted = supervisor.restart();
  say('two');
  former.leave();
  await restarted;
  say('three');
  former.reports.ready();
  former.reports.ended();
  await pass(3_600_000);
  assert.deepEqual(heard, ['one']);
  assert.equal(servers.length, 2);
  assert.equal(supervisor.current, last());
  await crash(last()); // which was not ready, whatever the former one said
  await pass(0);
  assert.equal(servers.length, 2);
});

void test('after the close nothing is left and nothing is started', async (context) => {
  const pass = fakeTime(context);
  const { supervisor, servers, last } = supervised();
  await supervisor.restart();
  const restarted = supervisor.restart();
  const closed = supervisor.close();
  last().leave();
  await Promise.all([restarted, closed]);
  await supervisor.restart();
  await pass(3_600_000);
  assert.equal(servers.length, 1);
  assert.equal(supervisor.current, undefined);
});

void test('the close during the wait after a crash is the end, too', async (context) => {
  const pass = fakeTime(context);
  const { supervisor, servers, last } = supervised();
  await supervisor.restart();
  await crash(last());
  await supervisor.close();
  await pass(3_600_000);
  assert.equal(servers.length, 1);
});

void test('where there is no server, or none that can be started, that is what is shown', async () => {
  const none = supervised(() => undefined);
  await none.supervisor.restart();
  assert.deepEqual(none.status(), { state: 'error', message: 'no language server found' });
  const wrong = supervised(() => {
    throw new Error('no such argument');
  });
  await wrong.supervisor.restart();
  assert.equal(wrong.status()?.state, 'error');
  assert.match(wrong.status()?.message ?? '', /no such argument/);
});

void test('whatever comes in whatever order, there is one server at most and in the end one', async (context) => {
  const pass = fakeTime(context);
  for (let seed = 1; seed <= 300; seed++) {
    let state = seed;
    const below = (bound: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * bound);
    };
    const { supervisor, servers, last, most } = supervised();
    const restarts = [supervisor.restart()];
    for (let step = 0; step < 30; step++) {
      const any = servers[below(servers.length)];
      switch (below(5)) {
        case 0:
          restarts.push(supervisor.restart());
          break;
        case 1:
          any?.reports.ended();
          break;
        case 2:
          any?.reports.ready();
          break;
        case 3:
          if (any?.stopped || below(2) === 0) {
            any?.leave();
            any?.reports.ended();
          }
          break;
        default:
          await pass(below(6000));
      }
    }
    restarts.push(supervisor.restart());
    const progress = { done: false };
    const done = Promise.all(restarts).then(() => (progress.done = true));
    while (!progress.done) {
      servers
        .filter((server) => server.stopped)
        .forEach((server) => {
          server.leave();
        });
      await pass(0);
    }
    await done;
    assert.equal(supervisor.current, last(), `seed ${seed}`);
    assert.equal(last().gone, false, `seed ${seed}`);
    assert.equal(most(), 1, `seed ${seed}`);
    last().leave();
    await supervisor.close();
  }
});
