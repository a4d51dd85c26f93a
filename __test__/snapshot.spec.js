'use strict';

// Saving a sandbox and starting from what was saved. dockerode tells what the engine has.

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');
const { docker } = require('../index.js');
const { inspect, processesWith, witness } = require('./support/docker.js');
const { NODE, PYTHON } = require('./support/images.js');
const { SUITE_TIMEOUT, eachSession, useSandboxes } = require('./support/sandboxes.js');
const { rejection } = require('./support/wait.js');

/** @typedef {import('../index').DockerConfig} DockerConfig */
/** @typedef {import('../index').DockerSnapshot} DockerSnapshot */

/** Snapshots that are gone when the suite ends; sandboxes have to be tracked before, so that they go first. */
function useSnapshots() {
  /** @type {string[]} */
  const made = [];
  after(async () => {
    for (const id of made.reverse())
      await witness
        .getImage(id)
        .remove({ force: true })
        .catch(() => undefined);
  });
  return async (
    /** @type {DockerConfig} */ config,
    /** @type {string} */ id,
    /** @type {any} */ options,
    provider = docker(config),
  ) => {
    const saved = await provider.snapshot.create(id, options);
    made.push(saved.id);
    return saved;
  };
}

/** Repeats a call until something has ended. @param {Promise<unknown>} other @param {() => Promise<unknown>} call */
async function whileItLasts(other, call) {
  let lasts = true;
  const ended = other.finally(() => {
    lasts = false;
  });
  while (lasts) await call();
  await ended;
}

/** 200 MB that no compression makes small, and the sum of all their bytes. */
const FILL = `
import hashlib, os, random
random.seed(7)
os.makedirs('/data/deep', exist_ok=True)
total = hashlib.sha256()
for n in range(8):
    block = random.randbytes(25_000_000)
    with open(f'/data/deep/{n}.bin', 'wb') as f:
        f.write(block)
    total.update(block)
print(total.hexdigest())
`;
const SUM = `
import hashlib
total = hashlib.sha256()
for n in range(8):
    with open(f'/data/deep/{n}.bin', 'rb') as f:
        total.update(f.read())
print(total.hexdigest())
`;

eachSession('snapshot', (session) => {
  const sandboxes = useSandboxes();
  const save = useSnapshots();
  const config = { session, container: { env: { CONFIGURED: 'yes' } } };

  it('has the files, modes, links, environment, workdir and runtime of the sandbox', async () => {
    const made = await sandboxes.create(
      {
        ...config,
        runtime: /** @type {const} */ ('node'),
        image: { name: NODE },
        container: { ...config.container, workdir: '/app' },
      },
      {
        envs: { CALLED: 'too' },
        metadata: { team: 'a', n: 1 },
        namespace: 'before',
        name: `snap-${process.pid}-${session}`,
      },
    );
    await made.filesystem.writeFile('main.js', 'module.exports = 42;');
    await made.runCommand(
      'chmod 750 main.js; ln -s main.js link.js; mkdir -p /opt/tool; echo tool > /opt/tool/it',
    );
    const saved = await save(config, made.sandboxId);
    await made.destroy();
    const copy = await sandboxes.create({ session }, { snapshotId: saved.id, metadata: { own: true } });
    const { stdout } = await copy.runCommand(
      'stat -c %a main.js; readlink link.js; cat /opt/tool/it; echo $CONFIGURED $CALLED; pwd',
    );
    assert.equal(stdout, '750\nmain.js\ntool\nyes too\n/app\n');
    assert.equal((await copy.runCode('console.log(require("./main.js"))')).stdout, '42\n');
    const info = await copy.getInfo();
    assert.deepEqual([info.runtime, info.metadata.own, info.metadata.session], ['node', true, session]);
    assert.deepEqual(
      ['team', 'n'].filter((key) => key in info.metadata),
      [],
    );
    const { Config } = await inspect(copy.sandboxId);
    assert.ok(!Config.Labels['com.computesdk.namespace']);
    assert.equal(saved.runtime, 'node');
  });

  it('leaves the sandbox running, with what runs in it', async () => {
    const made = await sandboxes.create(config);
    await made.runCommand('exec sleep 1234', { background: true });
    await save(config, made.sandboxId);
    assert.equal((await processesWith(made.sandboxId, 'sleep 1234')).length, 1);
    assert.equal((await made.runCommand('echo on')).stdout, 'on\n');
    assert.equal((await inspect(made.sandboxId)).State.Paused, false);
  });

  it('may be made while commands are starting', async () => {
    const made = await sandboxes.create(config);
    const commands = Array.from({ length: 6 }, () => made.runCommand('echo x'));
    const [saved, ...results] = await Promise.all([save(config, made.sandboxId), ...commands]);
    assert.ok(saved.id);
    assert.deepEqual(new Set(results.map((it) => it.stdout)), new Set(['x\n']));
  });
});

describe('snapshot', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();
  const save = useSnapshots();
  const provider = docker();

  it('gives 200 MB of files back byte for byte, and has calls wait meanwhile', async () => {
    const provider = docker({ runtime: 'python' });
    const made = sandboxes.track(await provider.sandbox.create());
    const { stdout: sum } = await made.runCode(FILL);
    const saving = save({}, made.sandboxId, undefined, provider);
    // It stands still for longer than a call may be quiet before somebody looks whether it is paused.
    await whileItLasts(saving, async () => {
      assert.match(await made.filesystem.readFile('/etc/passwd'), /^root:/);
      assert.equal((await made.runCommand('echo next')).stdout, 'next\n');
    });
    const saved = await saving;
    await made.destroy();
    const copy = await sandboxes.create({}, { snapshotId: saved.id });
    assert.equal((await copy.runCode(SUM)).stdout, sum);
    assert.match(sum, /^[0-9a-f]{64}\n$/);
    assert.ok(saved.size > 200_000_000, String(saved.size));
  });

  it('keeps neither mounts, nor the agent, nor the environment of a run', async () => {
    const made = await sandboxes.create({ createOptions: { HostConfig: { Tmpfs: { '/secret': '' } } } });
    await made.runCommand('echo hidden > /secret/key; echo $PASSWORD | wc -c', {
      env: { PASSWORD: 'hunter2-run' },
    });
    const saved = await save({}, made.sandboxId);
    const image = await witness.getImage(saved.id).inspect();
    assert.ok(!JSON.stringify(image).includes('hunter2'));
    const original = await witness.getImage(PYTHON).inspect();
    assert.deepEqual(image.Config.Cmd, original.Config.Cmd);
    assert.deepEqual(image.Config.Entrypoint ?? [], original.Config.Entrypoint ?? []);
    const own = await sandboxes.create({ session: 'exec' }, { snapshotId: saved.id });
    assert.equal((await own.runCommand('ls -A /secret /.computesdk')).stdout, '/.computesdk:\n\n/secret:\n');
    assert.ok(!Object.keys(image.Config.Labels).some((label) => label.startsWith('com.computesdk.meta.')));
    assert.notEqual(image.Config.Labels['com.computesdk.sandbox'], 'true');
  });

  it('can be made of a sandbox that came from one', async () => {
    const first = await sandboxes.create();
    await first.filesystem.writeFile('one', '1');
    const saved = await save({}, first.sandboxId, { name: 'first', metadata: { old: true } });
    const second = await sandboxes.create({}, { snapshotId: saved.id });
    await second.filesystem.writeFile('two', '2');
    const again = await save({}, second.sandboxId);
    assert.deepEqual([again.name, again.metadata, again.sandboxId], [undefined, {}, second.sandboxId]);
    await second.destroy();
    await provider.snapshot.delete(saved.id);
    const third = await sandboxes.create({}, { snapshotId: again.id });
    assert.equal((await third.runCommand('cat one two')).stdout, '12');
  });

  describe('list and delete', () => {
    /** @type {DockerSnapshot[]} */
    const made = [];
    /** @type {import('../index').DockerSandbox} */
    let sandbox;
    before(async () => {
      sandbox = await sandboxes.create();
      for (const n of [0, 1, 2])
        made.push(await save({}, sandbox.sandboxId, { name: `n${n}`, metadata: { n, deep: [n] } }));
    });

    it('finds those of a sandbox, newest first, at most so many', async () => {
      const { sandboxId } = sandbox;
      const listed = await provider.snapshot.list({ sandboxId });
      assert.deepEqual(listed, made.toReversed());
      assert.deepEqual(await provider.snapshot.list({ sandboxId, limit: 1 }), [made[2]]);
      assert.deepEqual(await provider.snapshot.list({ sandboxId: 'another' }), []);
      const all = (await provider.snapshot.list()).map(({ id }) => id);
      assert.ok(made.every(({ id }) => all.includes(id)));
      assert.deepEqual([made[1]?.name, made[1]?.metadata], ['n1', { n: 1, deep: [1] }]);
      assert.ok(Math.abs(Date.now() - Number(made[0]?.createdAt)) < SUITE_TIMEOUT);
    });

    it('sees no other image', async () => {
      const tag = `foreign-${process.pid}`;
      await witness.getImage(PYTHON).tag({ repo: 'computesdk-snapshot', tag });
      try {
        for (const id of [
          PYTHON,
          `computesdk-snapshot:${tag}`,
          'computesdk-snapshot:gone',
          '../containers',
          '',
        ]) {
          const error = await rejection(provider.snapshot.delete(id));
          assert.equal(error.code, 'ERR_SNAPSHOT_NOT_FOUND', id);
        }
        assert.ok(!(await provider.snapshot.list()).some(({ id }) => id.endsWith(tag)));
        assert.equal(
          (await rejection(provider.template.delete(made[0]?.id ?? ''))).code,
          'ERR_TEMPLATE_NOT_FOUND',
        );
      } finally {
        await witness.getImage(`computesdk-snapshot:${tag}`).remove();
      }
    });

    it('refuses to delete one in use, running or stopped, and names who uses it', async () => {
      const id = made[0]?.id ?? '';
      const user = await sandboxes.create({ cleanup: 'never' }, { snapshotId: id });
      for (const state of ['running', 'stopped']) {
        const error = await rejection(provider.snapshot.delete(id));
        assert.equal(error.code, 'ERR_SNAPSHOT_IN_USE', state);
        assert.ok(error.message.includes(user.sandboxId), error.message);
        await user.destroy();
      }
      await witness.getContainer(user.sandboxId).remove();
      await provider.snapshot.delete(id);
      const error = await rejection(provider.sandbox.create({ snapshotId: id }));
      assert.equal(error.code, 'ERR_SNAPSHOT_NOT_FOUND');
    });

    it('never asks a registry for one that is gone', async () => {
      const always = docker({ image: { pullPolicy: 'always' } });
      const copy = sandboxes.track(await always.sandbox.create({ snapshotId: made[1]?.id }));
      await copy.destroy();
      const gone = always.sandbox.create({ snapshotId: 'computesdk-snapshot:0123456789abcdef' });
      assert.equal((await rejection(gone)).code, 'ERR_SNAPSHOT_NOT_FOUND');
    });
  });

  it('of a sandbox that is not there, or is none, fails', async () => {
    const stranger = await witness.createContainer({ Image: PYTHON, Cmd: ['true'] });
    sandboxes.trackContainer(stranger.id);
    for (const id of ['0'.repeat(64), stranger.id]) {
      assert.equal((await rejection(provider.snapshot.create(id))).code, 'ERR_SANDBOX_NOT_FOUND');
    }
  });
});
