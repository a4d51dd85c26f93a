'use strict';

// How a command is ended early: timeout and signal take the whole process tree, and the sandbox works afterwards.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { processesWith } = require('./support/docker.js');
const { eachSession, eachUserland, shareSandbox, useSandboxes } = require('./support/sandboxes.js');
const { rejection, until, within } = require('./support/wait.js');

/** `sleep MARK` sleeps for days; each tree has a number of its own, by which it is found in /proc. */
const TREES = {
  'one process': 'exec sleep MARK',
  'a child': 'sleep MARK; true',
  'a child that ignores polite signals':
    'trap "" TERM INT HUP QUIT; sh -c \'trap "" TERM INT HUP; sleep MARK; sleep MARK\'; true',
  'a grandchild in a session of its own': 'sh -c "setsid sleep MARK & wait"; true',
  'an orphan in a session of its own': '(setsid sh -c "sleep MARK; true" &) ; sleep MARK',
  'a chain of forks': 'sh -c \'sh -c "sh -c \\"sleep MARK; true\\"; true"; true\'; true',
  'many children': 'for n in 1 2 3 4 5 6 7 8 9 10; do sleep MARK & done; wait',
  'a stopped child': 'sleep MARK & kill -STOP $!; wait',
};

eachUserland('the end of a process tree', ({ config }) => {
  const shared = shareSandbox(config);
  let mark = 7_000_000;

  /** @param {number} number */
  async function expectGone(number) {
    const gone = async () => (await processesWith(shared.id, `sleep ${number}`)).length === 0;
    await until(gone, 'the tree is gone', 10_000);
    assert.equal((await shared.sandbox.runCommand('echo next')).stdout, 'next\n');
  }

  for (const [what, tree] of Object.entries(TREES)) {
    it(`takes ${what} on timeout`, async () => {
      mark += 1;
      const script = `echo before; ${tree.replaceAll('MARK', String(mark))}`;
      const result = await within(shared.sandbox.runCommand(script, { timeout: 700 }), 'the command');
      assert.equal(result.exitCode, 124);
      assert.equal(result.timedOut, true);
      assert.equal(result.stdout, 'before\n');
      await expectGone(mark);
    });
  }

  it('takes a tree on signal, and rejects with AbortError', async () => {
    mark += 1;
    const controller = new AbortController();
    const script = `(setsid sleep ${mark} &); echo up; sleep ${mark}`;
    const reason = new Error('changed my mind');
    const running = shared.sandbox.runCommand(script, {
      signal: controller.signal,
      onStdout: () => controller.abort(reason),
    });
    const error = await within(rejection(running), 'the abort');
    assert.equal(error.name, 'AbortError');
    assert.equal(error.code, 'ABORT_ERR');
    assert.equal(error.cause, reason);
    await expectGone(mark);
  });
});

eachSession('timeout', (session) => {
  const sandboxes = useSandboxes();
  const shared = shareSandbox({ session });

  it('is that of the sandbox where the call has none', async () => {
    const sandbox = await sandboxes.create({ session }, { timeout: 1000 });
    const command = await within(sandbox.runCommand('sleep 60'), 'the command');
    assert.deepEqual([command.exitCode, command.timedOut], [124, true]);
    const code = await within(sandbox.runCode('import time; time.sleep(60)'), 'the code');
    assert.deepEqual([code.exitCode, code.timedOut], [124, true]);
    const longer = await sandbox.runCommand('sleep 2; echo made it', { timeout: 60_000 });
    assert.equal(longer.stdout, 'made it\n');
  });

  it('is that of the config where the sandbox has none', async () => {
    const sandbox = await sandboxes.create({ session, timeout: 1000 });
    const result = await within(sandbox.runCommand('sleep 60'), 'the command');
    assert.deepEqual([result.exitCode, result.timedOut], [124, true]);
  });

  it('leaves other commands and background processes alone', async () => {
    const { sandbox, id } = shared;
    await sandbox.runCommand('sleep 7654321', { background: true });
    const other = sandbox.runCommand('sleep 3; echo finished');
    await sandbox.runCommand('sleep 60', { timeout: 500 });
    assert.equal((await other).stdout, 'finished\n');
    assert.equal((await processesWith(id, 'sleep 7654321')).length > 0, true);
  });

  it('holds while a process floods, and while one reads nothing of its stdin', async () => {
    const { sandbox } = shared;
    const flood = sandbox.runCommand('yes', { timeout: 1000, maxOutputBytes: 1000, onStdout: () => {} });
    const deaf = sandbox.runCommand('sleep 60', { timeout: 1000, stdin: Buffer.alloc(5_000_000) });
    for (const running of [flood, deaf]) {
      const result = await within(running, 'the command');
      assert.deepEqual([result.exitCode, result.timedOut], [124, true]);
    }
  });
});

eachSession('signal', (session) => {
  const shared = shareSandbox({ session });

  it('that is aborted already starts nothing', async () => {
    const options = { signal: AbortSignal.abort() };
    const error = await rejection(shared.sandbox.runCommand('touch /tmp/started', options));
    assert.equal(error.name, 'AbortError');
    assert.equal(await shared.sandbox.filesystem.exists('/tmp/started'), false);
  });

  it('stops runCode too', async () => {
    const controller = new AbortController();
    const running = shared.sandbox.runCode('print("up")\nimport time\ntime.sleep(600)', 'python', {
      signal: controller.signal,
      onStdout: () => controller.abort(),
    });
    assert.equal((await within(rejection(running), 'the abort')).name, 'AbortError');
  });

  it('that is aborted after the end changes nothing', async () => {
    const controller = new AbortController();
    const result = await shared.sandbox.runCommand('echo fine', { signal: controller.signal });
    controller.abort();
    assert.equal(result.stdout, 'fine\n');
    assert.equal((await shared.sandbox.runCommand('echo next')).stdout, 'next\n');
  });

  it('may be shared by many calls', async () => {
    /** @type {Error[]} */
    const warnings = [];
    const listen = (/** @type {Error} */ warning) => void warnings.push(warning);
    process.on('warning', listen);
    const controller = new AbortController();
    const { signal } = controller;
    let up = 0;
    const onStdout = () => {
      up += 1;
      if (up === 20) controller.abort();
    };
    const calls = Array.from({ length: 20 }, () =>
      rejection(shared.sandbox.runCommand('echo up; sleep 600', { signal, onStdout })),
    );
    const errors = await within(Promise.all(calls), 'the calls', 60_000);
    process.off('warning', listen);
    assert.ok(errors.every(({ name }) => name === 'AbortError'));
    assert.deepEqual(warnings, []);
  });
});
