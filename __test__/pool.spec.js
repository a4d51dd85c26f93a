'use strict';

// Sandboxes that are started before anybody asks. dockerode tells what the engine has.

const assert = require('node:assert/strict');
const { after, describe, it } = require('node:test');
const { docker } = require('../index.js');
const { containersWith, exists, inspect } = require('./support/docker.js');
const { runNode } = require('./support/node.js');
const { SUITE_TIMEOUT, useSandboxes } = require('./support/sandboxes.js');
const { rejection, sleep, until } = require('./support/wait.js');

/** @typedef {import('../index').DockerConfig} DockerConfig */
/** @typedef {import('../index').DockerProvider} DockerProvider */

describe('pool', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();
  /** @type {DockerProvider[]} */
  const providers = [];
  after(() => Promise.all(providers.map((provider) => provider.pool?.close())));
  let marks = 0;

  /** A provider with a pool, and how to find its containers. @param {DockerConfig} config */
  function pooled(config) {
    marks += 1;
    const label = `csdk.test.pool=${process.pid}-${marks}`;
    const [name = '', value = ''] = label.split('=');
    const provider = docker({ ...config, createOptions: { Labels: { [name]: value } } });
    providers.push(provider);
    const containers = () => containersWith(label);
    const waiting = async () =>
      (await containers()).filter((it) => it.Names.some((one) => one.startsWith('/computesdk-waiting-')));
    const full = (/** @type {number} */ count) =>
      until(() => provider.pool?.stats().waiting === count, `${count} wait`, 60_000);
    return { provider, containers, waiting, full, config: { createOptions: { Labels: { [name]: value } } } };
  }

  it('hands out what waits, once each, and fills up behind it', async () => {
    const { provider, waiting, containers, full } = pooled({ pool: { size: 2 } });
    await full(2);
    const before = (await waiting()).map((it) => it.Id);
    const first = sandboxes.track(
      await provider.sandbox.create({ timeout: 1234, name: `pooled-${process.pid}` }),
    );
    const second = sandboxes.track(await provider.sandbox.create({ runtime: 'python' }));
    assert.deepEqual([first.sandboxId, second.sandboxId].sort(), before.sort());
    assert.deepEqual(provider.pool?.stats().hits, 2);
    const info = await first.getInfo();
    assert.deepEqual(
      [info.timeout, info.metadata.name, info.runtime],
      [1234, `pooled-${process.pid}`, 'python'],
    );
    assert.equal((await first.runCode('print(6 * 7)')).stdout, '42\n');
    assert.equal((await first.runCommand('sleep 60', {})).timedOut, true);
    const listed = (await provider.sandbox.list()).map((it) => it.sandboxId);
    assert.ok(listed.includes(first.sandboxId) && listed.includes(second.sandboxId));
    await full(2);
    const third = sandboxes.track(await provider.sandbox.create());
    assert.ok(!before.includes(third.sandboxId));
    assert.equal((await third.runCommand('ls -A /workspace /tmp')).stdout, '/tmp:\n\n/workspace:\n');
    await first.destroy();
    assert.equal(await exists(first.sandboxId), false);
    await provider.pool?.close();
    const left = (await containers()).map((it) => it.Id);
    assert.deepEqual(left.sort(), [second.sandboxId, third.sandboxId].sort());
    assert.equal(provider.pool?.stats().handedOut, 2);
  });

  it('shows nobody what waits', async () => {
    const { provider, waiting, full } = pooled({ pool: { size: 1 } });
    await full(1);
    const [{ Id = '' } = {}] = await waiting();
    for (const other of [provider, docker()]) {
      assert.equal(await other.sandbox.getById(Id), null);
      assert.ok(!(await other.sandbox.list()).some((it) => it.sandboxId === Id));
      assert.equal((await rejection(other.sandbox.destroy(Id))).code, 'ERR_SANDBOX_NOT_FOUND');
    }
    assert.ok(await exists(Id));
  });

  it('is passed by where something else is asked for, and refuses a name in use', async () => {
    const { provider, waiting, full } = pooled({ pool: { size: 1 } });
    await full(1);
    const [{ Id = '' } = {}] = await waiting();
    for (const options of [{ metadata: { a: 1 } }, { runtime: /** @type {const} */ ('node') }]) {
      const cold = sandboxes.track(await provider.sandbox.create(options));
      assert.notEqual(cold.sandboxId, Id);
      assert.equal((await inspect(cold.sandboxId)).Config.Labels['com.computesdk.pool'], undefined);
    }
    const { Name } = await inspect((await sandboxes.create()).sandboxId);
    const taken = await rejection(provider.sandbox.create({ name: Name.slice(1) }));
    assert.equal(taken.statusCode, 409);
    assert.deepEqual(
      (await waiting()).map((it) => it.Id),
      [Id],
    );
    assert.equal(sandboxes.track(await provider.sandbox.create()).sandboxId, Id);
  });

  it('gives everything that runs the environment of its create', async () => {
    const container = { env: { KEPT: 'config', GIVEN: 'config' } };
    const { provider, full } = pooled({ pool: { size: 1 }, container });
    await full(1);
    const created = await provider.sandbox.create({ envs: { GIVEN: 'a b', MORE: 'ü=1' } });
    const sandbox = sandboxes.track(created);
    assert.equal(provider.pool?.stats().hits, 1);
    const echo = 'echo "$KEPT $GIVEN $MORE"';
    const expected = 'config a b ü=1\n';
    assert.equal((await sandbox.runCommand(echo)).stdout, expected);
    assert.equal((await sandbox.runCommand(echo, { user: 'nobody' })).stdout, expected);
    assert.equal((await sandbox.runCommand(echo, { env: { GIVEN: 'own' } })).stdout, 'config own ü=1\n');
    const code = 'import os; print(os.environ["KEPT"], os.environ["GIVEN"], os.environ["MORE"])';
    assert.equal((await sandbox.runCode(code)).stdout, expected);
    const context = await sandbox.createCodeContext();
    assert.equal((await sandbox.runCode(code, { context })).stdout, expected);
    const background = await sandbox.runCommand(`${echo} > said`, { background: true });
    await sandbox.processes.wait(Number(background.pid));
    assert.equal(await sandbox.filesystem.readFile('said'), expected);
    const spawned = await sandbox.spawn('sh', ['-c', echo]);
    let text = '';
    for await (const piece of spawned.stdout) text += piece;
    assert.equal(text, expected);
    let drawn = '';
    const terminal = await sandbox.terminal.create({
      shell: 'sh',
      onData: (data) => {
        drawn += data;
      },
    });
    await terminal.write(`${echo}; exit\n`);
    await terminal.wait();
    assert.ok(drawn.includes('config a b ü=1'), drawn);
    const again = await docker().sandbox.getById(sandbox.sandboxId);
    assert.equal((await again?.runCommand(echo))?.stdout, expected);
    const saved = await provider.snapshot.create(sandbox.sandboxId);
    try {
      const copy = await docker().sandbox.create({ snapshotId: saved.id });
      assert.equal((await copy.runCommand(echo)).stdout, expected);
      await copy.destroy();
    } finally {
      await provider.snapshot.delete(saved.id);
    }
  });

  it('hands out at once, and everybody knows soon', async () => {
    const { provider, containers, full, waiting } = pooled({ pool: { size: 8 } });
    await full(8);
    const first = sandboxes.track(await provider.sandbox.create());
    // Nobody has waited for Docker, so all of these meet the name of one that waits.
    const [listed, found, info] = await Promise.all([
      provider.sandbox.list(),
      provider.sandbox.getById(first.sandboxId),
      first.getInfo(),
    ]);
    assert.ok(listed.some((it) => it.sandboxId === first.sandboxId));
    assert.equal(found?.sandboxId, first.sandboxId);
    assert.match(info.metadata.name, /^computesdk-[0-9a-f]{16}$/);
    assert.equal((await inspect(first.sandboxId)).Name, `/${info.metadata.name}`);
    const { stdout } = await runNode(
      `sdk.docker().sandbox.getById('${first.sandboxId}').then((it) => console.log(it?.sandboxId))`,
    );
    assert.equal(stdout, `${first.sandboxId}\n`);
    // While the engine is still naming them.
    const ids = Array.from({ length: 7 }, async (_, n) => {
      const sandbox = await provider.sandbox.create();
      await (n % 2 === 0 ? sandbox.destroy() : provider.sandbox.destroy(sandbox.sandboxId));
      return sandbox.sandboxId;
    });
    for (const id of await Promise.all(ids)) assert.equal(await exists(id), false);
    assert.equal(provider.pool?.stats().hits, 8);
    await provider.pool?.close();
    assert.deepEqual(await waiting(), []);
    assert.deepEqual(
      (await containers()).map((it) => it.Id),
      [first.sandboxId],
    );
    assert.equal(provider.pool?.stats().handedOut, 1);
  });

  it('begins a lifetime when it hands out', async () => {
    const max = 600_000;
    const { provider, full } = pooled({ pool: { size: 1 }, lifetime: { max } });
    await full(1);
    await sleep(1000);
    const called = Date.now();
    const sandbox = sandboxes.track(await provider.sandbox.create());
    assert.equal(provider.pool?.stats().hits, 1);
    const { expiresAt } = await sandbox.getInfo();
    assert.ok(Number(expiresAt) >= called + max - 100, String(Number(expiresAt) - called));
  });

  it('leaves nothing where its process was killed, and does not keep one from ending', async () => {
    const { containers, config } = pooled({ pool: { size: 1 } });
    await providers.at(-1)?.pool?.close();
    await until(async () => (await containers()).length === 0, 'only the child has members');
    for (const end of ["process.kill(process.pid, 'SIGKILL')", 'undefined']) {
      const script = `
        const provider = sdk.docker({ pool: { size: 2 }, ...${JSON.stringify(config)} });
        const look = setInterval(() => {
          if (provider.pool.stats().waiting < 2) return;
          clearInterval(look);
          console.log('full');
          ${end};
        }, 20);`;
      const { stdout } = await runNode(script);
      assert.equal(stdout, 'full\n');
      await until(async () => (await containers()).length === 0, 'the members remove themselves', 90_000);
    }
  });

  it('leaves nothing that waits where its process was killed while it handed out', async () => {
    const { containers, waiting, config } = pooled({ pool: { size: 1 } });
    await providers.at(-1)?.pool?.close();
    await until(async () => (await containers()).length === 0, 'only the child has members');
    const script = `
      const provider = sdk.docker({ pool: { size: 3 }, ...${JSON.stringify(config)} });
      const look = setInterval(async () => {
        if (provider.pool.stats().waiting < 3) return;
        clearInterval(look);
        const [known] = await Promise.all([1, 2].map(() => provider.sandbox.create()));
        if (process.argv[1] === 'known') console.log((await known.getInfo()).id);
        process.kill(process.pid, 'SIGKILL');
      }, 20);`;
    const removed = async () => {
      await until(async () => (await waiting()).length === 0, 'what waits removes itself', 90_000);
      // Longer than a member stays whose process is gone.
      await sleep(4000);
      const left = (await containers()).map((it) => it.Id);
      for (const id of left) {
        const found = await docker().sandbox.getById(id);
        assert.equal(sandboxes.track(Object(found)).sandboxId, id, 'what is left is to be found');
      }
      return left;
    };
    await runNode(script);
    await removed();
    const known = (await runNode(script, { argv: ['known'] })).stdout.trim();
    assert.ok((await removed()).includes(known), 'what was handed out lives on');
  });

  it('never grows past max, and ends what waits after idleTtl', async () => {
    const { provider, waiting, full } = pooled({ pool: { size: 2, max: 2, idleTtl: 3000 } });
    await full(2);
    const sandbox = sandboxes.track(await provider.sandbox.create());
    await sleep(1000);
    assert.ok((await waiting()).length <= 1);
    await until(async () => (await waiting()).length === 0, 'what waits ends', 40_000);
    assert.equal((await sandbox.runCommand('echo used')).stdout, 'used\n');
  });

  it('is refused where its sandboxes could not remove themselves', () => {
    for (const config of /** @type {DockerConfig[]} */ ([
      { pool: { size: 0 } },
      { pool: { size: 2, max: 1 } },
      { pool: { size: 1 }, session: 'exec' },
      { pool: { size: 1 }, cleanup: 'never' },
      { pool: { size: 1 }, container: { autoRemove: false } },
      { pool: { size: 1 }, createOptions: { Cmd: ['sh'] } },
    ])) {
      assert.throws(() => docker(config), { code: 'ERR_INVALID_CONFIG', message: /^pool/ });
    }
    assert.equal('pool' in docker(), false);
  });
});
