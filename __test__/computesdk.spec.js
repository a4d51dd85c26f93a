'use strict';

// The provider inside the published ComputeSDK packages, as their programs use it.

const assert = require('node:assert/strict');
const { after, describe, it } = require('node:test');
const { createCompute } = require('@computesdk/provider');
const { compute } = require('computesdk');
const { docker } = require('../index.js');

const SUITE_TIMEOUT = 300_000;

/** @typedef {{ sandboxId: string, destroy: () => Promise<void> }} Destroyable */

/** Destroys what a suite made, also where its tests failed. */
function keeper() {
  /** @type {Destroyable[]} */
  const made = [];
  after(() => Promise.all(made.map((sandbox) => sandbox.destroy())));
  /** @template {Destroyable} T @param {T} sandbox */
  return (sandbox) => {
    made.push(sandbox);
    return sandbox;
  };
}

/** @param {any} provider the calls of it that ComputeSDK makes, counted by name */
function counted(provider) {
  /** @type {Record<string, number>} */
  const calls = {};
  const sandbox = new Proxy(provider.sandbox, {
    get(target, key) {
      const value = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      return (/** @type {unknown[]} */ ...args) => {
        calls[String(key)] = (calls[String(key)] ?? 0) + 1;
        return value.apply(target, args);
      };
    },
  });
  return { provider: { name: 'counted', sandbox }, calls };
}

const broken = () =>
  docker({ connection: { socketPath: '/nonexistent/docker.sock' }, image: { pullPolicy: 'never' } });

/** @param {any} provider @param {string} name */
function named(provider, name) {
  return { name, sandbox: provider.sandbox, snapshot: provider.snapshot };
}

describe('compute({ provider }) of computesdk 4', { timeout: SUITE_TIMEOUT }, () => {
  const keep = keeper();

  it('creates, runs with live output, uses files, finds, lists and destroys', async () => {
    const manager = compute({ provider: docker() });
    const sandbox = keep(
      await manager.sandbox.create({
        runtime: 'python',
        envs: { WHO: 'sdk' },
        metadata: { team: 'a', n: 1 },
      }),
    );
    /** @type {string[]} */
    const heard = [];
    const result = await sandbox.runCommand('echo $WHO in $(pwd); echo oops >&2; exit 3', {
      cwd: '/tmp',
      onStdout: (text) => heard.push(`out ${text}`),
      onStderr: (text) => heard.push(`err ${text}`),
    });
    assert.deepEqual([result.stdout, result.stderr, result.exitCode], ['sdk in /tmp\n', 'oops\n', 3]);
    assert.ok(result.durationMs > 0);
    assert.deepEqual(heard.sort(), ['err oops\n', 'out sdk in /tmp\n']);
    await sandbox.filesystem.writeFile('notes/a.txt', 'kept');
    assert.equal(await sandbox.filesystem.readFile('/workspace/notes/a.txt'), 'kept');
    const found = await manager.sandbox.getById(sandbox.sandboxId);
    assert.equal(found?.sandboxId, sandbox.sandboxId);
    const info = await sandbox.getInfo();
    assert.deepEqual([info.status, info.provider, info.metadata?.n], ['running', 'docker', 1]);
    const ids = (await manager.sandbox.list()).map((one) => one.sandboxId);
    assert.ok(ids.includes(sandbox.sandboxId));
    await manager.sandbox.destroy(sandbox.sandboxId);
    assert.equal(await manager.sandbox.getById(sandbox.sandboxId), null);
  });

  it('passes an abort on as AbortError, without trying another provider', async () => {
    const next = counted(docker());
    const manager = compute({ providers: [docker(), next.provider] });
    const reason = AbortSignal.abort();
    await assert.rejects(manager.sandbox.create({ signal: reason }), { name: 'AbortError' });
    assert.deepEqual(next.calls, {});
  });

  it('reports the only provider’s failure with its message', async () => {
    const manager = compute({ provider: broken() });
    await assert.rejects(manager.sandbox.create(), /docker: .*\/nonexistent\/docker\.sock/s);
  });

  it('saves a sandbox, lists the snapshot, starts from it and deletes it', async () => {
    const manager = compute({ provider: docker() });
    const sandbox = keep(await manager.sandbox.create());
    await sandbox.filesystem.writeFile('kept.txt', 'kept');
    const saved = await manager.snapshot.create(sandbox.sandboxId, { name: 'sdk', metadata: { team: 'a' } });
    assert.ok(saved.createdAt instanceof Date);
    const listed = (await manager.snapshot.list()).find((it) => it.id === saved.id);
    assert.deepEqual([listed?.provider, listed?.metadata], ['docker', { team: 'a' }]);
    const copy = keep(await manager.sandbox.create({ snapshotId: saved.id }));
    assert.equal(await copy.filesystem.readFile('kept.txt'), 'kept');
    await copy.destroy();
    await manager.snapshot.delete(saved.id);
    await assert.rejects(manager.snapshot.delete(saved.id), /snapshot .* does not exist/);
  });
});

describe('compute.setConfig({ providers }) of computesdk 4', { timeout: SUITE_TIMEOUT }, () => {
  const keep = keeper();

  it('falls back from an engine that is down to one that answers', async () => {
    const answering = counted(docker());
    compute.setConfig({ providers: [named(broken(), 'first'), answering.provider] });
    const sandbox = keep(await compute.sandbox.create({ runtime: 'python' }));
    assert.equal((await sandbox.runCommand('echo fell back')).stdout, 'fell back\n');
    assert.deepEqual({ ...answering.calls }, { create: 1 });
    await compute.sandbox.destroy(sandbox.sandboxId);
    assert.equal(answering.calls.destroy, 1);
  });

  it('takes turns between two providers', async () => {
    const [left, right] = [counted(docker()), counted(docker())];
    compute.setConfig({
      providers: [
        { ...left.provider, name: 'left' },
        { ...right.provider, name: 'right' },
      ],
      providerStrategy: 'round-robin',
    });
    for (let n = 0; n < 2; n += 1) keep(await compute.sandbox.create());
    assert.deepEqual([left.calls.create, right.calls.create], [1, 1]);
  });

  it('goes to the provider that is named', async () => {
    const other = counted(docker());
    compute.setConfig({ providers: [other.provider, docker()] });
    const sandbox = keep(await compute.sandbox.create({ provider: 'docker' }));
    assert.equal(sandbox.provider, 'docker');
    assert.deepEqual(other.calls, {});
  });
});

describe('createCompute({ defaultProvider }) of @computesdk/provider 2', { timeout: SUITE_TIMEOUT }, () => {
  const keep = keeper();

  it('gives our own sandboxes', async () => {
    const provider = docker({ runtime: 'node' });
    const { sandbox: manager } = createCompute({ defaultProvider: provider });
    const sandbox = /** @type {import('../index').DockerSandbox} */ (
      /** @type {unknown} */ (keep(await manager.create()))
    );
    assert.equal(sandbox.getProvider(), provider);
    assert.equal((await sandbox.runCode('console.log(6 * 7)')).stdout, '42\n');
    assert.equal(sandbox.getInstance().containerId, sandbox.sandboxId);
    const listed = /** @type {Destroyable[]} */ (await manager.list());
    assert.ok(listed.some((one) => one.sandboxId === sandbox.sandboxId));
    await manager.destroy(sandbox.sandboxId);
    await assert.rejects(sandbox.runCommand('true'), { code: 'ERR_SANDBOX_NOT_FOUND' });
  });
});
