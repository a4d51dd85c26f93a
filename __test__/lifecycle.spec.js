'use strict';

// Finding and ending sandboxes: getById, list, destroy, kill, and the three modes of cleanup.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { createDockerCompute, docker } = require('../index.js');
const { exists, inspect, remove, witness } = require('./support/docker.js');
const { PYTHON } = require('./support/images.js');
const { SUITE_TIMEOUT, eachSession, useSandboxes } = require('./support/sandboxes.js');
const { rejection } = require('./support/wait.js');

const WEIRD_IDS = [
  'never-was',
  '0'.repeat(64),
  '../../containers/json',
  '..',
  'a/b',
  'x?all=true',
  'x#y',
  '%2e%2e%2f',
  ' ',
  'a b',
  'ünïcödé',
  'line\nbreak',
  '$(id)',
  'a'.repeat(5000),
];

describe('provider', { timeout: SUITE_TIMEOUT }, () => {
  it('has a name, managers that stay the same, and two runtimes', () => {
    const provider = docker();
    assert.equal(provider.name, 'docker');
    for (const manager of ['sandbox', 'snapshot', 'template']) {
      assert.equal(provider[manager], provider[manager], manager);
      assert.equal(typeof provider[manager].list, 'function', manager);
    }
    assert.deepEqual(provider.getSupportedRuntimes(), ['node', 'python']);
  });

  it('comes back from getProvider', async () => {
    const provider = docker();
    const sandbox = await provider.sandbox.create();
    try {
      assert.equal(sandbox.getProvider(), provider);
    } finally {
      await sandbox.destroy();
    }
  });

  it('is made by createDockerCompute too', async () => {
    const compute = createDockerCompute({ image: { name: PYTHON } });
    const sandbox = await compute.sandbox.create({ runtime: 'python' });
    try {
      assert.equal((await sandbox.runCode('print(6 * 7)')).stdout, '42\n');
    } finally {
      await sandbox.destroy();
    }
  });
});

describe('getById, list, destroy', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();
  const provider = docker();

  it('finds a sandbox that another provider made', async () => {
    const made = await sandboxes.create({ runtime: 'python' });
    const found = await provider.sandbox.getById(made.sandboxId);
    assert.equal(found.sandboxId, made.sandboxId);
    assert.equal((await found.runCode('print("found")')).stdout, 'found\n');
    assert.ok((await provider.sandbox.list()).some(({ sandboxId }) => sandboxId === made.sandboxId));
  });

  it('answers null for ids that are none, and destroys nothing', async () => {
    for (const id of WEIRD_IDS) {
      assert.equal(await provider.sandbox.getById(id), null, JSON.stringify(id));
      await provider.sandbox.destroy(id);
    }
  });

  it('refuses an id that is no string', async () => {
    for (const id of [undefined, null, 5, {}]) {
      for (const call of ['getById', 'destroy']) {
        const error = await rejection(provider.sandbox[call](id));
        assert.equal(error.code, 'ERR_INVALID_CONFIG');
      }
    }
  });

  for (const [what, Labels] of /** @type {const} */ ([
    ['without our label', {}],
    ['whose label says false', { 'com.computesdk.sandbox': 'false' }],
  ])) {
    it(`neither enters nor ends a container ${what}`, async () => {
      const foreign = await witness.createContainer({ Image: PYTHON, Cmd: ['sleep', '600'], Labels });
      sandboxes.trackContainer(foreign.id);
      await foreign.start();
      const name = (await foreign.inspect()).Name.slice(1);
      for (const id of [foreign.id, foreign.id.slice(0, 12), name]) {
        assert.equal(await provider.sandbox.getById(id), null);
        const error = await rejection(provider.sandbox.destroy(id));
        assert.equal(error.code, 'ERR_SANDBOX_NOT_FOUND');
      }
      assert.ok(!(await provider.sandbox.list()).some(({ sandboxId }) => sandboxId === foreign.id));
      assert.equal((await inspect(foreign.id)).State.Running, true);
    });
  }

  it('has removed the container when destroy answers, and takes a second one', async () => {
    const { sandboxId } = await sandboxes.create();
    await provider.sandbox.destroy(sandboxId);
    assert.equal(await exists(sandboxId), false);
    await provider.sandbox.destroy(sandboxId);
    assert.equal(await provider.sandbox.getById(sandboxId), null);
  });
});

eachSession('destroy', (session) => {
  const sandboxes = useSandboxes();

  it('may be called twice, and makes every later call reject', async () => {
    const sandbox = await sandboxes.create({ session });
    await sandbox.runCommand('true');
    await sandbox.kill();
    assert.equal(await exists(sandbox.sandboxId), false);
    await sandbox.kill();
    await sandbox.destroy();
    const calls = {
      runCommand: () => sandbox.runCommand('true'),
      runCode: () => sandbox.runCode('print(1)'),
      background: () => sandbox.runCommand('sleep 1', { background: true }),
      getInfo: () => sandbox.getInfo(),
      getUrl: () => sandbox.getUrl({ port: 80 }),
      readFile: () => sandbox.filesystem.readFile('/etc/hostname'),
      writeFile: () => sandbox.filesystem.writeFile('/tmp/x', ''),
      mkdir: () => sandbox.filesystem.mkdir('/tmp/x'),
      readdir: () => sandbox.filesystem.readdir('/'),
      exists: () => sandbox.filesystem.exists('/'),
      remove: () => sandbox.filesystem.remove('/tmp/x'),
    };
    for (const [name, call] of Object.entries(calls)) {
      const error = await rejection(call());
      assert.equal(error.code, 'ERR_SANDBOX_NOT_FOUND', name);
    }
  });

  it('is fine where somebody else removed the container', async () => {
    const sandbox = await sandboxes.create({ session });
    await remove(sandbox.sandboxId);
    assert.equal((await rejection(sandbox.runCommand('true'))).code, 'ERR_SANDBOX_NOT_FOUND');
    await sandbox.destroy();
  });

  it('may be called many times at once', async () => {
    const sandbox = await sandboxes.create({ session });
    const provider = sandbox.getProvider();
    const ends = Array.from({ length: 5 }, () => provider.sandbox.destroy(sandbox.sandboxId));
    await Promise.all([sandbox.destroy(), sandbox.kill(), ...ends]);
    assert.equal(await exists(sandbox.sandboxId), false);
  });

  it('ends what is running, which fails clearly', async () => {
    const sandbox = await sandboxes.create({ session });
    const started = deferred();
    const running = sandbox.runCommand('echo started; sleep 300', { onStdout: started.resolve });
    const outcome = rejection(running);
    await started.promise;
    await sandbox.destroy();
    const error = await outcome;
    assert.match(error.code, /^ERR_(SANDBOX_NOT_FOUND|SESSION_LOST|SANDBOX_STOPPED)$/);
  });
});

function deferred() {
  /** @type {any} */
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

describe('cleanup', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();
  const volume = { createOptions: { Volumes: { '/anonymous': {} } } };

  /** @param {string} id */
  async function anonymousVolume(id) {
    const { Mounts } = await inspect(id);
    return Mounts.find((mount) => mount.Destination === '/anonymous').Name;
  }

  /** @param {string} name */
  async function volumeExists(name) {
    const { Volumes } = await witness.listVolumes();
    return (Volumes ?? []).some((found) => found.Name === name);
  }

  it('always: removes the container and its anonymous volumes', async () => {
    for (const cleanup of [undefined, 'always']) {
      const sandbox = await sandboxes.create({ ...volume, cleanup });
      const name = await anonymousVolume(sandbox.sandboxId);
      assert.equal(await volumeExists(name), true);
      await sandbox.destroy();
      assert.equal(await exists(sandbox.sandboxId), false);
      assert.equal(await volumeExists(name), false);
    }
  });

  it('onSuccess: removes it where every run exited 0', async () => {
    const sandbox = await sandboxes.create({ cleanup: 'onSuccess' });
    assert.equal((await inspect(sandbox.sandboxId)).HostConfig.AutoRemove, false);
    await sandbox.runCommand('true');
    await sandbox.runCode('print(1)');
    await sandbox.destroy();
    assert.equal(await exists(sandbox.sandboxId), false);
  });

  for (const [what, run] of /** @type {const} */ ([
    ['a command failed', (sandbox) => sandbox.runCommand('exit 3')],
    ['code failed', (sandbox) => sandbox.runCode('raise ValueError("no")')],
    ['code did not compile', (sandbox) => sandbox.runCode('print(').catch(() => undefined)],
    ['a command timed out', (sandbox) => sandbox.runCommand('sleep 60', { timeout: 200 })],
  ])) {
    it(`onSuccess: stops and keeps it where ${what}`, async () => {
      const sandbox = await sandboxes.create({ cleanup: 'onSuccess' });
      await run(sandbox);
      await sandbox.runCommand('true');
      await sandbox.destroy();
      assert.equal((await inspect(sandbox.sandboxId)).State.Running, false);
      assert.equal((await rejection(sandbox.runCommand('true'))).code, 'ERR_SANDBOX_NOT_FOUND');
    });
  }

  it('never: stops and keeps it, also by id', async () => {
    const provider = docker({ cleanup: 'never' });
    const first = sandboxes.track(await provider.sandbox.create());
    const second = sandboxes.track(await provider.sandbox.create());
    assert.equal((await inspect(first.sandboxId)).HostConfig.AutoRemove, false);
    await first.filesystem.writeFile('/kept', 'evidence');
    await first.destroy();
    await provider.sandbox.destroy(second.sandboxId);
    for (const { sandboxId } of [first, second]) {
      assert.equal((await inspect(sandboxId)).State.Running, false);
    }
    await first.destroy();
    assert.ok(await exists(first.sandboxId));
  });
});
