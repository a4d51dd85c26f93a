'use strict';

// Faults from outside: each one a clear error or result, in bounded time, and the next call works where it can.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { describe, it } = require('node:test');
const { DockerProviderError, docker } = require('../index.js');
const { processesWith, witness } = require('./support/docker.js');
const { runNode } = require('./support/node.js');
const { startProxy } = require('./support/proxy.js');
const { SUITE_TIMEOUT, eachSession, useSandboxes } = require('./support/sandboxes.js');
const { counter, rejection, until, within } = require('./support/wait.js');

describe('an engine that cannot be reached', { timeout: SUITE_TIMEOUT }, () => {
  /** @type {Array<[string, any, RegExp]>} */
  const nowhere = [
    [
      'at a socket that is not there',
      { socketPath: '/nonexistent/docker.sock' },
      /\/nonexistent\/docker\.sock/,
    ],
    ['at a closed port', { host: '127.0.0.1', port: 1, protocol: 'http' }, /127\.0\.0\.1:1\b.*refused/s],
    ['at a file that is no socket', { socketPath: __filename }, /errors\.spec\.js/],
  ];
  for (const [what, connection, told] of nowhere) {
    it(`fails every call, ${what}, naming the address and why`, async () => {
      const { sandbox } = docker({ connection });
      for (const call of [
        () => sandbox.create(),
        () => sandbox.list(),
        () => sandbox.getById('0'.repeat(64)),
        () => sandbox.destroy('0'.repeat(64)),
      ]) {
        const error = await within(rejection(call()), 'the call');
        assert.ok(error instanceof DockerProviderError && error instanceof Error);
        assert.equal(error.code, 'ERR_DOCKER_UNREACHABLE');
        assert.match(error.message, told);
        assert.ok(error.stack.includes('errors.spec.js'), error.stack);
      }
    });
  }

  it('names what DOCKER_HOST says', async () => {
    const script = 'sdk.docker().sandbox.list().catch((error) => console.log(error.code, error.message));';
    const { stdout } = await runNode(script, { env: { DOCKER_HOST: 'unix:///nonexistent/by-env.sock' } });
    assert.match(stdout, /^ERR_DOCKER_UNREACHABLE .*\/nonexistent\/by-env\.sock/);
  });

  it('serves a provider that was made before it came up, and after it came back', async () => {
    const proxy = await startProxy();
    const { socketPath } = proxy;
    await proxy.close();
    const provider = docker({ connection: { socketPath } });
    assert.equal((await rejection(provider.sandbox.list())).code, 'ERR_DOCKER_UNREACHABLE');
    fs.mkdirSync(proxy.folder);
    for (let round = 0; round < 2; round += 1) {
      const again = await startProxy({ path: socketPath });
      try {
        assert.ok(Array.isArray(await provider.sandbox.list()));
      } finally {
        again.cut();
        await again.close();
      }
      assert.equal((await rejection(provider.sandbox.list())).code, 'ERR_DOCKER_UNREACHABLE');
    }
    fs.rmSync(proxy.folder, { recursive: true, force: true });
  });
});

eachSession('a lost connection', (session) => {
  const sandboxes = useSandboxes();

  it('fails what is in flight; the next call works', async () => {
    const proxy = await startProxy();
    try {
      const connection = { socketPath: proxy.socketPath };
      const sandbox = await sandboxes.create({ session, connection });
      const up = counter();
      const running = [1, 2, 3].map(() =>
        rejection(sandbox.runCommand('echo up; sleep 300; echo late', { onStdout: up.count })),
      );
      await until(() => up.calls === 3, 'the commands run');
      proxy.cut();
      for (const error of await within(Promise.all(running), 'the calls')) {
        assert.equal(error.code, 'ERR_SESSION_LOST');
        assert.ok(error.message.includes(sandbox.sandboxId.slice(0, 12)), error.message);
      }
      assert.equal((await sandbox.runCommand('echo next')).stdout, 'next\n');
      await sandbox.filesystem.writeFile('/tmp/next', 'too');
      assert.equal(await sandbox.filesystem.readFile('/tmp/next'), 'too');
    } finally {
      await proxy.close();
    }
  });

  it('fails in bounded time while the engine stays away', async () => {
    const proxy = await startProxy();
    const sandbox = await sandboxes.create({ session, connection: { socketPath: proxy.socketPath } });
    await sandbox.runCommand('true');
    await proxy.close();
    for (const call of [
      () => sandbox.runCommand('echo'),
      () => sandbox.runCode('print(1)'),
      () => sandbox.filesystem.readFile('/etc/hostname'),
      () => sandbox.getInfo(),
      () => sandbox.destroy(),
    ]) {
      const error = await within(rejection(call()), 'the call');
      assert.match(error.code, /^ERR_(DOCKER_UNREACHABLE|SESSION_LOST)$/);
    }
    const found = await docker().sandbox.getById(sandbox.sandboxId);
    assert.equal((await found.runCommand('echo still there')).stdout, 'still there\n');
  });
});

eachSession('a container that others touch', (session) => {
  const sandboxes = useSandboxes();

  it('says that it is stopped, and works when it is started again', async () => {
    const sandbox = await sandboxes.create({ session, container: { autoRemove: false } });
    await sandbox.runCommand('true');
    const container = witness.getContainer(sandbox.sandboxId);
    await container.kill();
    await container.wait();
    for (const call of [
      () => sandbox.runCommand('true'),
      () => sandbox.runCode('print(1)'),
      () => sandbox.filesystem.exists('/'),
    ]) {
      const error = await within(rejection(call()), 'the call');
      assert.equal(error.code, 'ERR_SANDBOX_STOPPED');
      assert.match(error.message, /exited|stopped/);
    }
    await container.start();
    assert.equal((await sandbox.runCommand('echo again')).stdout, 'again\n');
  });

  it('fails what runs when it is stopped', async () => {
    const sandbox = await sandboxes.create({ session, container: { autoRemove: false } });
    const up = counter();
    const running = rejection(sandbox.runCommand('echo up; sleep 300', { onStdout: up.count }));
    await until(() => up.calls > 0, 'the command runs');
    await witness.getContainer(sandbox.sandboxId).kill();
    const error = await within(running, 'the call');
    assert.match(error.code, /^ERR_(SESSION_LOST|SANDBOX_STOPPED)$/);
  });

  it('never outlives the timeout of a call when it is paused', async () => {
    const sandbox = await sandboxes.create({ session });
    await sandbox.runCommand('true');
    const container = witness.getContainer(sandbox.sandboxId);
    const up = counter();
    const during = sandbox.runCommand('echo up; sleep 300', { timeout: 8000, onStdout: up.count });
    await until(() => up.calls > 0, 'the command runs');
    await container.pause();
    try {
      const caught = await within(during, 'the command that was running');
      assert.deepEqual([caught.exitCode, caught.timedOut], [124, true]);
      const outcome = await within(
        sandbox.runCommand('true', { timeout: 1000 }).catch((error) => error),
        'a command while it is paused',
      );
      if (outcome instanceof Error) {
        assert.equal(outcome.code, 'ERR_SANDBOX_STOPPED');
        assert.match(outcome.message, /paused/);
      } else {
        assert.deepEqual([outcome.exitCode, outcome.timedOut], [124, true]);
      }
    } finally {
      await container.unpause();
    }
    assert.equal((await within(sandbox.runCommand('echo next'), 'the next')).stdout, 'next\n');
    // Nothing can be killed by an exec while the container is paused.
    if (session === 'exec') return;
    const gone = async () => (await processesWith(sandbox.sandboxId, 'sleep 300')).length === 0;
    await until(gone, 'what timed out meanwhile is gone');
  });

  it('bounds file calls by the timeout of the sandbox', async () => {
    const sandbox = await sandboxes.create({ session }, { timeout: 2000 });
    await sandbox.filesystem.exists('/');
    const container = witness.getContainer(sandbox.sandboxId);
    await container.pause();
    try {
      const error = await within(rejection(sandbox.filesystem.readFile('/etc/hostname')), 'the call');
      assert.match(error.code, /^ERR_(SESSION_LOST|SANDBOX_STOPPED)$/);
    } finally {
      await container.unpause();
    }
    assert.equal(await within(sandbox.filesystem.exists('/etc/hostname'), 'the next'), true);
  });
});

eachSession('a sandbox out of memory', (session) => {
  const MIB = 1024 * 1024;
  const sandboxes = useSandboxes();

  it('tells that the process was killed, and works afterwards', async () => {
    const resources = { memory: 64 * MIB, memorySwap: 64 * MIB };
    const sandbox = await sandboxes.create({ session, container: { resources } });
    await sandbox.runCommand('true');
    const agents = async () => (await processesWith(sandbox.sandboxId, 'agent serve')).map(({ pid }) => pid);
    const before = await agents();
    for (let round = 0; round < 2; round += 1) {
      const result = await within(
        sandbox.runCode('x = bytearray(300_000_000)\nprint(len(x))'),
        'the code',
        60_000,
      );
      assert.equal(result.exitCode, 137);
      assert.equal(result.stdout, '');
      assert.equal((await sandbox.runCode('print("next")')).stdout, 'next\n');
    }
    assert.deepEqual(await agents(), before);
  });
});
