'use strict';

// security: 'strict', ociRuntime, and the default limit of processes: what inspect says, and what code inside can do.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, it } = require('node:test');
const { docker } = require('../index.js');
const { inspect, witness } = require('./support/docker.js');
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

/**
 * What docker-bench-security asks of a container, as SECURITY.md numbers it.
 * @type {Record<string, (place: { container: any, info: any, exec: any, programs: string[] }) => void>}
 */
const BENCH = {
  5.2: ({ container, info }) => {
    if (info.SecurityOptions.includes('name=apparmor'))
      assert.equal(container.AppArmorProfile, 'docker-default');
  },
  5.3: ({ container }) => assert.ok(!`${container.HostConfig.SecurityOpt}`.includes('label')),
  5.4: ({ container: { HostConfig } }) =>
    assert.deepEqual([HostConfig.CapAdd, HostConfig.CapDrop], [null, ['ALL']]),
  5.5: ({ container }) => assert.equal(container.HostConfig.Privileged, false),
  5.6: ({ container }) =>
    assert.deepEqual(
      container.Mounts.filter((/** @type {any} */ it) => it.Type === 'bind' || it.RW),
      [],
    ),
  5.7: ({ programs }) => assert.ok(!programs.some((it) => it.includes('sshd')), `${programs}`),
  5.8: ({ container }) => assert.ok(hostPorts(container).every(({ HostPort }) => Number(HostPort) > 1024)),
  5.9: ({ container }) => assert.deepEqual(Object.keys(container.NetworkSettings.Ports), ['80/tcp']),
  '5.10': ({ container }) => assert.notEqual(container.HostConfig.NetworkMode, 'host'),
  5.11: ({ container: { HostConfig } }) =>
    assert.deepEqual([HostConfig.Memory, HostConfig.MemorySwap], [512 * MIB, 512 * MIB]),
  5.12: ({ container }) => assert.equal(container.HostConfig.CpuShares, 512),
  5.13: ({ container }) => assert.equal(container.HostConfig.ReadonlyRootfs, true),
  5.14: ({ container }) =>
    assert.deepEqual(
      hostPorts(container).map(({ HostIp }) => HostIp),
      ['127.0.0.1'],
    ),
  5.15: ({ container: { HostConfig } }) => {
    assert.match(HostConfig.RestartPolicy.Name, /^(no)?$/);
    assert.equal(HostConfig.RestartPolicy.MaximumRetryCount, 0);
  },
  5.16: ({ container }) => assert.equal(container.HostConfig.PidMode, ''),
  5.17: ({ container }) => assert.match(container.HostConfig.IpcMode, /^(private)?$/),
  5.18: ({ container: { HostConfig } }) =>
    assert.deepEqual([HostConfig.Devices ?? [], HostConfig.DeviceRequests ?? []], [[], []]),
  5.19: ({ container }) => assert.deepEqual(container.HostConfig.Ulimits ?? [], []),
  '5.20': ({ container }) =>
    assert.ok(container.Mounts.every((/** @type {any} */ it) => !it.Propagation.includes('shared'))),
  5.21: ({ container }) => assert.equal(container.HostConfig.UTSMode, ''),
  5.22: ({ container }) => assert.ok(!`${container.HostConfig.SecurityOpt}`.includes('seccomp')),
  5.23: ({ exec }) => assert.equal(exec.privileged ?? false, false),
  5.24: ({ exec, container }) => {
    assert.match(exec.user ?? '', /^(1000:1000)?$/);
    assert.equal(container.Config.User, '1000:1000');
  },
  5.25: ({ container }) => assert.equal(container.HostConfig.CgroupParent, ''),
  5.26: ({ container }) => assert.ok(container.HostConfig.SecurityOpt.includes('no-new-privileges:true')),
  5.27: ({ container }) => assert.equal(container.State.Health, undefined),
  5.29: ({ container }) => assert.equal(container.HostConfig.PidsLimit, 1024),
  '5.30': ({ container }) => assert.ok(!('bridge' in container.NetworkSettings.Networks)),
  5.31: ({ container }) => assert.equal(container.HostConfig.UsernsMode, ''),
  5.32: ({ container }) => assert.ok(!JSON.stringify(container.Mounts).includes('docker.sock')),
};

/** @param {import('../index').DockerSandbox} sandbox */
async function meetsAll(sandbox) {
  await sandbox.runCommand('true');
  const container = await inspect(sandbox.sandboxId);
  const [id = ''] = container.ExecIDs;
  const place = {
    container,
    info: await witness.info(),
    exec: /** @type {any} */ (await witness.getExec(id).inspect()).ProcessConfig,
    programs: (await sandbox.processes.list()).map(({ command }) => command),
  };
  for (const [check, meets] of Object.entries(BENCH)) {
    try {
      meets(place);
    } catch (error) {
      throw new Error(`${check}: ${error}`);
    }
  }
}

/** @param {any} container @returns {{ HostIp: string, HostPort: string }[]} */
function hostPorts(container) {
  const bindings = Object.values(container.NetworkSettings.Ports);
  return bindings.flatMap((it) => it ?? []);
}

describe('strict', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('passes docker-bench-security', async () => {
    const network = await witness.createNetwork({ Name: `csdk-strict-${process.pid}` });
    try {
      const container = { networkMode: network.id, ports: { '80/tcp': [{}] } };
      const sandbox = await sandboxes.create({ security: 'strict', container });
      try {
        await meetsAll(sandbox);
      } finally {
        await sandbox.destroy();
      }
    } finally {
      await network.remove();
    }
    const alone = await sandboxes.create({ security: 'strict' });
    const { Networks, Ports } = (await inspect(alone.sandboxId)).NetworkSettings;
    assert.deepEqual([Object.keys(Networks), Object.keys(Ports)], [['none'], []]);
    const table = fs.readFileSync(path.join(__dirname, '..', 'SECURITY.md'), 'utf8');
    const rows = [...table.matchAll(/^\| (5\.\d+) [^|]+\| (\*?)/gm)];
    assert.deepEqual(
      rows.map(([, number]) => number),
      Array.from({ length: 32 }, (_, at) => `5.${at + 1}`),
    );
    const asserted = rows.filter(([, , italics]) => italics === '').map(([, number]) => number);
    assert.deepEqual(Object.keys(BENCH), asserted);
  });

  it('refuses a config that contradicts, at once and by name', () => {
    const socket = '/var/run/docker.sock:/var/run/docker.sock';
    const host = (/** @type {string} */ field, /** @type {unknown} */ value) => ({
      createOptions: { HostConfig: { [field]: value } },
    });
    for (const [config, path] of /** @type {[DockerConfig, string][]} */ ([
      [{ container: { privileged: true } }, 'container.privileged'],
      [{ container: { user: '0' } }, 'container.user'],
      [{ container: { binds: [socket] } }, 'container.binds'],
      [{ container: { binds: ['/usr:/host'] } }, 'container.binds'],
      [{ container: { binds: ['/srv:/data:shared'] } }, 'container.binds'],
      [{ container: { networkMode: 'own', ports: { '80/tcp': [{ hostPort: 80 }] } } }, 'container.ports'],
      [host('PidMode', 'host'), 'createOptions.HostConfig.PidMode'],
      [host('IpcMode', 'host'), 'createOptions.HostConfig.IpcMode'],
      [host('UTSMode', 'host'), 'createOptions.HostConfig.UTSMode'],
      [host('UsernsMode', 'host'), 'createOptions.HostConfig.UsernsMode'],
      [host('CgroupParent', '/own'), 'createOptions.HostConfig.CgroupParent'],
      [host('Devices', [{ PathOnHost: '/dev/null' }]), 'createOptions.HostConfig.Devices'],
      [host('SecurityOpt', ['apparmor=unconfined']), 'createOptions.HostConfig.SecurityOpt'],
      [host('RestartPolicy', { Name: 'always' }), 'createOptions.HostConfig.RestartPolicy'],
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
