'use strict';

// getInstance(): dockerode's promise methods, natively; each one beside dockerode itself on the same container.

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const { buffer, text } = require('node:stream/consumers');
const { describe, it } = require('node:test');
const { exists, inspect, witness } = require('./support/docker.js');
const { PYTHON } = require('./support/images.js');
const { SUITE_TIMEOUT, shareSandbox, useSandboxes } = require('./support/sandboxes.js');
const { rejection, until } = require('./support/wait.js');

const KEPT = { container: { autoRemove: false, tty: false } };

describe('getInstance', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox(KEPT);

  it('is the container and the client', () => {
    const instance = shared.sandbox.getInstance();
    assert.equal(instance.containerId, shared.id);
    assert.equal(instance.container.id, shared.id);
    assert.equal(instance.image, PYTHON);
    assert.ok(instance.createdAt instanceof Date);
    for (const method of ['inspect', 'start', 'stop', 'logs', 'getArchive']) {
      assert.equal(typeof instance.container[method], 'function', method);
    }
  });

  it('inspects', async () => {
    const { container } = shared.sandbox.getInstance();
    assert.deepEqual(await container.inspect(), await inspect(shared.id));
    const sized = await container.inspect({ size: true });
    assert.equal(typeof sized.SizeRootFs, 'number');
  });

  it('pauses and unpauses', async () => {
    const { container } = shared.sandbox.getInstance();
    await container.pause();
    assert.equal((await inspect(shared.id)).State.Paused, true);
    await container.unpause();
    assert.equal((await inspect(shared.id)).State.Paused, false);
  });

  it('tells processes, changes and statistics', async () => {
    const { container } = shared.sandbox.getInstance();
    const reference = witness.getContainer(shared.id);
    assert.deepEqual((await container.top()).Titles, (await reference.top()).Titles);
    const custom = await container.top({ ps_args: '-eo pid,comm' });
    assert.deepEqual(custom.Titles, ['PID', 'COMMAND']);
    await shared.sandbox.filesystem.writeFile('/changed', '');
    assert.ok((await container.changes()).some(({ Path }) => Path === '/changed'));
    const stats = await container.stats({ stream: false });
    assert.ok(stats.memory_stats && stats.cpu_stats);
    assert.equal(stats.id ?? shared.id, shared.id);
  });

  it('puts and gets archives', async () => {
    const { container } = shared.sandbox.getInstance();
    await shared.sandbox.filesystem.writeFile('/tmp/from/file', 'archived');
    const tar = await buffer(await container.getArchive({ path: '/tmp/from/file' }));
    assert.ok(tar.includes('archived'));
    await shared.sandbox.filesystem.mkdir('/tmp/to');
    await container.putArchive(tar, { path: '/tmp/to' });
    assert.equal(await shared.sandbox.filesystem.readFile('/tmp/to/file'), 'archived');
    const stream = await container.getArchive({ path: '/tmp/from/file' });
    await shared.sandbox.filesystem.mkdir('/tmp/streamed');
    await container.putArchive(stream, { path: '/tmp/streamed' });
    assert.equal(await shared.sandbox.filesystem.readFile('/tmp/streamed/file'), 'archived');
  });

  it('renames and updates', async () => {
    const { container } = shared.sandbox.getInstance();
    const name = `csdk-renamed-${randomUUID()}`;
    await container.rename({ name });
    assert.equal((await inspect(shared.id)).Name, `/${name}`);
    await container.update({ CpuShares: 345 });
    assert.equal((await inspect(shared.id)).HostConfig.CpuShares, 345);
  });

  it('commits', async () => {
    const { container, docker } = shared.sandbox.getInstance();
    const repo = `csdk-commit-${randomUUID()}`;
    const { Id } = await container.commit({ repo, tag: 'v1', comment: 'by test' });
    try {
      const image = await docker.getImage(`${repo}:v1`).inspect();
      assert.equal(image.Id, Id);
      assert.equal(image.Comment, 'by test');
    } finally {
      await witness.getImage(`${repo}:v1`).remove({ force: true });
    }
  });

  it('rejects as dockerode does', async () => {
    const { docker } = shared.sandbox.getInstance();
    const id = '0'.repeat(64);
    const ours = await rejection(docker.getContainer(id).inspect());
    const theirs = await rejection(witness.getContainer(id).inspect());
    assert.equal(ours.code, 'ERR_DOCKER_API');
    for (const field of ['statusCode', 'reason', 'json']) assert.deepEqual(ours[field], theirs[field], field);
    assert.ok(ours.message.includes(theirs.json.message));
  });
});

describe('getInstance: life of a container', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('stops, starts, restarts, kills, waits and removes', async () => {
    const sandbox = await sandboxes.create(KEPT);
    const id = sandbox.sandboxId;
    const { container } = sandbox.getInstance();
    const running = async () => (await inspect(id)).State.Running;

    await container.stop({ t: 20 });
    assert.equal(await running(), false);
    await container.start();
    assert.equal(await running(), true);
    assert.equal((await sandbox.runCommand('echo started')).stdout, 'started\n');

    const { StartedAt } = (await inspect(id)).State;
    await container.restart({ t: 20 });
    assert.notEqual((await inspect(id)).State.StartedAt, StartedAt);
    assert.equal((await sandbox.runCommand('echo restarted')).stdout, 'restarted\n');

    const waiting = container.wait();
    await container.kill({ signal: 'SIGKILL' });
    assert.equal((await waiting).StatusCode, 137);
    assert.equal(await running(), false);

    const again = await rejection(container.kill());
    assert.equal(again.statusCode, 409);
    await container.remove({ force: true, v: true });
    assert.equal(await exists(id), false);
    assert.equal((await rejection(container.inspect())).statusCode, 404);
  });

  it('reads logs, at once and as they grow', async () => {
    const script = 'echo one; echo two >&2; sleep 2; echo three; sleep 600';
    const createOptions = { Entrypoint: ['/bin/sh', '-c'], Cmd: [script] };
    const sandbox = await sandboxes.create({ container: { autoRemove: false, tty: true }, createOptions });
    const { container } = sandbox.getInstance();
    const follow = await container.logs({ stdout: true, stderr: true, follow: true });
    let seen = '';
    follow.on('data', (/** @type {Buffer} */ chunk) => {
      seen += chunk.toString();
    });
    await until(() => seen.includes('three'), 'the log grows');
    follow.destroy();
    const ours = await container.logs({ stdout: true, stderr: true });
    const theirs = await witness.getContainer(sandbox.sandboxId).logs({ stdout: true, stderr: true });
    assert.ok(Buffer.isBuffer(ours));
    assert.equal(ours.toString(), theirs.toString());
    assert.equal((await container.logs({ stdout: true, tail: 1 })).toString(), 'three\r\n');
  });
});

describe('getInstance().docker', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox(KEPT);

  it('tells of the engine what dockerode tells', async () => {
    const { docker } = shared.sandbox.getInstance();
    assert.equal((await docker.ping()).toString(), 'OK');
    assert.deepEqual(await docker.version(), await witness.version());
    const { ID, ServerVersion } = await docker.info();
    const reference = await witness.info();
    assert.deepEqual([ID, ServerVersion], [reference.ID, reference.ServerVersion]);
    assert.ok(Array.isArray((await docker.df()).Images));
  });

  it('lists and gets containers', async () => {
    const { docker } = shared.sandbox.getInstance();
    const filters = { id: [shared.id] };
    const [ours] = await docker.listContainers({ all: true, filters });
    const [theirs] = await witness.listContainers({ all: true, filters });
    assert.equal(ours.Id, theirs.Id);
    assert.deepEqual(Object.keys(ours).sort(), Object.keys(theirs).sort());
    const asText = await docker.listContainers({ all: true, filters: JSON.stringify(filters) });
    assert.equal(asText.length, 1);
    assert.equal((await docker.getContainer(shared.id).inspect()).Id, shared.id);
  });

  it('lists, inspects, tags and removes images', async () => {
    const { docker } = shared.sandbox.getInstance();
    const ids = (/** @type {any[]} */ images) => images.map(({ Id }) => Id);
    assert.ok(ids(await docker.listImages()).includes((await witness.getImage(PYTHON).inspect()).Id));
    const image = docker.getImage(PYTHON);
    assert.deepEqual(await image.inspect(), await witness.getImage(PYTHON).inspect());
    const repo = `csdk-tag-${randomUUID()}`;
    await image.tag({ repo, tag: 'v1' });
    assert.equal((await witness.getImage(`${repo}:v1`).inspect()).Id, (await image.inspect()).Id);
    await docker.getImage(`${repo}:v1`).remove();
    assert.equal((await rejection(docker.getImage(`${repo}:v1`).inspect())).statusCode, 404);
  });

  it('pulls with a stream of progress, or rejects', async () => {
    const { docker } = shared.sandbox.getInstance();
    const outcome = await docker
      .pull('127.0.0.1:1/csdk/nothing:1')
      .then(text, (/** @type {any} */ error) => error);
    // The engine says no either by its status or in the stream, as it does to dockerode.
    if (outcome instanceof Error) assert.equal(/** @type {any} */ (outcome).code, 'ERR_DOCKER_API');
    else assert.match(outcome, /errorDetail/);
  });
});
