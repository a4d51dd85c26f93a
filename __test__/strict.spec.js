'use strict';

// security: 'strict', ociRuntime, and the default limit of processes: what inspect says, and what code inside can do.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { docker } = require('../index.js');
const { inspect } = require('./support/docker.js');
const { SUITE_TIMEOUT, eachUserland, shareSandbox, useSandboxes } = require('./support/sandboxes.js');
const { rejection, until } = require('./support/wait.js');

/** @typedef {import('../index').DockerConfig} DockerConfig */

const MIB = 1024 * 1024;

eachUserland('strict', ({ config, session, runtime }) => {
  const shared = shareSandbox({ ...config, security: 'strict' });

  it('closes what a container can close', async () => {
    const { Config, HostConfig } = await inspect(shared.id);
    assert.equal(Config.User, '1000:1000');
    const { CapAdd, CapDrop, SecurityOpt, ReadonlyRootfs, NetworkMode, Privileged } = HostConfig;
    assert.deepEqual([CapAdd, CapDrop, SecurityOpt], [null, ['ALL'], ['no-new-privileges:true']]);
    assert.deepEqual([ReadonlyRootfs, NetworkMode, Privileged], [true, 'none', false]);
    const { Memory, MemorySwap, PidsLimit, PidMode, IpcMode } = HostConfig;
    assert.deepEqual([Memory, MemorySwap, PidsLimit], [512 * MIB, 512 * MIB, 1024]);
    assert.ok(PidMode === '' && IpcMode !== 'host');
    const { stdout } = await shared.sandbox.runCommand(
      'id -u; grep -E "^(CapEff|CapBnd|NoNewPrivs|Seccomp):" /proc/self/status | tr -d "\\t"; ls /sys/class/net',
    );
    for (const line of [
      '1000',
      'CapEff:0000000000000000',
      'CapBnd:0000000000000000',
      'NoNewPrivs:1',
      'Seccomp:2',
      'lo',
    ]) {
      assert.ok(stdout.split('\n').includes(line), `${line} in ${stdout}`);
    }
  });

  it('runs code and commands, and writes to workdir and /tmp alone', async () => {
    const { sandbox } = shared;
    const code = runtime === 'python' ? 'print(6 * 7)' : 'console.log(6 * 7)';
    assert.equal((await sandbox.runCode(code)).stdout, '42\n');
    await sandbox.filesystem.writeFile('deep/a.txt', 'text');
    assert.equal((await sandbox.runCommand('cat deep/a.txt; pwd')).stdout, 'text/workspace\n');
    assert.equal((await sandbox.runCommand('echo "echo ran" > /tmp/x; sh /tmp/x')).stdout, 'ran\n');
    for (const path of ['/etc/passwd', '/usr/x', '/x']) {
      const error = await rejection(sandbox.filesystem.writeFile(path, 'x'));
      assert.match(error.code, /^(EROFS|EACCES)$/, path);
    }
    const large = Buffer.alloc(20 * MIB, 'x');
    await sandbox.filesystem.writeFile('large', large);
    assert.ok((await sandbox.filesystem.readFile('large', { encoding: null })).equals(large));
    assert.equal((await sandbox.getInfo()).metadata.session, session);
  });
});

describe('strict', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('refuses a config that contradicts, at once and by name', () => {
    const socket = '/var/run/docker.sock:/var/run/docker.sock';
    for (const [config, path] of /** @type {[DockerConfig, string][]} */ ([
      [{ container: { privileged: true } }, 'container.privileged'],
      [{ container: { user: '0' } }, 'container.user'],
      [{ container: { binds: [socket] } }, 'container.binds'],
      [{ createOptions: { HostConfig: { PidMode: 'host' } } }, 'createOptions.HostConfig.PidMode'],
    ])) {
      assert.throws(
        () => docker({ ...config, security: 'strict' }),
        (error) => {
          const { code, message } = /** @type {any} */ (error);
          return (
            code === 'ERR_INVALID_CONFIG' && message.startsWith(`${path}: contradicts security 'strict'`)
          );
        },
      );
    }
  });

  it('refuses ports where there is no network, and publishes them on 127.0.0.1 where there is', async () => {
    const error = await rejection(docker({ security: 'strict' }).sandbox.create({ ports: [8080] }));
    assert.match(error.message, /^container\.ports: .*networkMode/);
    const container = { networkMode: 'bridge', ports: { /** @type {const} */ '80/tcp': [{}] } };
    const sandbox = await sandboxes.create({ security: 'strict', container: /** @type {any} */ (container) });
    const { Ports } = (await inspect(sandbox.sandboxId)).NetworkSettings;
    assert.deepEqual(
      Ports['80/tcp'].map((it) => it.HostIp),
      ['127.0.0.1'],
    );
  });

  it('keeps a fork bomb, a memory hog and a disk filler to themselves', async () => {
    const config = /** @type {const} */ ({
      security: 'strict',
      container: { resources: { pidsLimit: 64, memory: 64 * MIB } },
    });
    const [attacker, neighbour] = [await sandboxes.create(config), await sandboxes.create()];
    const bomb = 'import os\nwhile True:\n  try: os.fork()\n  except OSError: pass';
    const hog = 'x = []\nwhile True: x.append(bytearray(2**20))';
    await attacker.filesystem.writeFile('bomb.py', bomb);
    await attacker.runCommand('exec python3 bomb.py', { background: true });
    await until(async () => (await attacker.metrics()).pids.current >= 60, 'the bomb has gone off');
    assert.equal((await neighbour.runCommand('true')).exitCode, 0);
    await attacker.destroy();
    const second = await sandboxes.create(config);
    assert.notEqual((await second.runCode(hog, 'python')).exitCode, 0);
    const filled = await second.runCommand('cat /dev/zero > /tmp/full');
    assert.notEqual(filled.exitCode, 0);
    assert.equal((await neighbour.runCommand('echo fine')).stdout, 'fine\n');
  });
});

describe('ociRuntime', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('is the engine’s own by name, or refused before anything is created', async () => {
    const sandbox = await sandboxes.create({ ociRuntime: 'runc' });
    assert.equal((await inspect(sandbox.sandboxId)).HostConfig.Runtime, 'runc');
    const error = await rejection(docker({ ociRuntime: 'no-such-runtime' }).sandbox.create());
    assert.equal(error.code, 'ERR_INVALID_CONFIG');
    assert.match(error.message, /^ociRuntime: the engine has no OCI runtime "no-such-runtime", but .*runc/);
    assert.throws(() => docker({ ociRuntime: '' }), { code: 'ERR_INVALID_CONFIG' });
  });

  it('comes with a limit of 1,024 processes unless the config says otherwise', async () => {
    const usual = await sandboxes.create();
    assert.equal((await inspect(usual.sandboxId)).HostConfig.PidsLimit, 1024);
    const none = await sandboxes.create({ container: { resources: { pidsLimit: -1 } } });
    assert.ok(((await inspect(none.sandboxId)).HostConfig.PidsLimit ?? 0) <= 0);
  });
});
