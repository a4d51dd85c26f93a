'use strict';

// Every key of the config takes effect: read from Docker's own inspect, from behaviour, or, where this machine's
// engine refuses the start (privileged, GPUs), from the request that Docker was sent.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { randomUUID } = require('node:crypto');
const { after, before, describe, it } = require('node:test');
const { docker } = require('../index.js');
const { containersWith, inspect, remove } = require('./support/docker.js');
const { PYTHON } = require('./support/images.js');
const { runNode } = require('./support/node.js');
const { startProxy } = require('./support/proxy.js');
const { SUITE_TIMEOUT, useSandboxes } = require('./support/sandboxes.js');
const { rejection } = require('./support/wait.js');

const MIB = 1024 * 1024;

/** What holds without any config. */
const DEFAULTS = {
  'Config.User': '',
  'Config.WorkingDir': '/workspace',
  'Config.Tty': true,
  'Config.OpenStdin': false,
  'HostConfig.AutoRemove': true,
  'HostConfig.Memory': 512 * MIB,
  'HostConfig.Privileged': false,
};

/** Config, and what inspect shows for it. Those of one row share a container. @type {Array<[string, any, Record<string, any>]>} */
const CONTAINER = [
  ['user', { user: '65534:65534' }, { 'Config.User': '65534:65534' }],
  ['workdir', { workdir: '/srv/deep/er' }, { 'Config.WorkingDir': '/srv/deep/er' }],
  ['tty and openStdin', { tty: false, openStdin: true }, { 'Config.Tty': false, 'Config.OpenStdin': true }],
  ['autoRemove', { autoRemove: false }, { 'HostConfig.AutoRemove': false }],
  ['networkMode none', { networkMode: 'none' }, { 'HostConfig.NetworkMode': 'none' }],
  ['networkMode host', { networkMode: 'host' }, { 'HostConfig.NetworkMode': 'host' }],
  ['logDriver', { logDriver: 'none' }, { 'HostConfig.LogConfig.Type': 'none' }],
  [
    'logOpts',
    { logDriver: 'json-file', logOpts: { 'max-size': '1m', 'max-file': '2' } },
    { 'HostConfig.LogConfig': { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '2' } } },
  ],
  [
    'resources: memory',
    { resources: { memory: 256 * MIB, memorySwap: 300 * MIB, memoryReservation: 128 * MIB } },
    {
      'HostConfig.Memory': 256 * MIB,
      'HostConfig.MemorySwap': 300 * MIB,
      'HostConfig.MemoryReservation': 128 * MIB,
    },
  ],
  [
    'resources: memory above 32 bits',
    { resources: { memory: 4 * 1024 * MIB } },
    { 'HostConfig.Memory': 4 * 1024 * MIB },
  ],
  ['resources: no memory limit', { resources: { memory: 0 } }, { 'HostConfig.Memory': 0 }],
  [
    'resources: CPU time',
    { resources: { cpuShares: 512, cpuPeriod: 50_000, cpuQuota: 25_000, cpusetCpus: '0' } },
    {
      'HostConfig.CpuShares': 512,
      'HostConfig.CpuPeriod': 50_000,
      'HostConfig.CpuQuota': 25_000,
      'HostConfig.CpusetCpus': '0',
      'HostConfig.Memory': 512 * MIB,
    },
  ],
  ['resources: nanoCPUs', { resources: { nanoCPUs: 500_000_000 } }, { 'HostConfig.NanoCpus': 500_000_000 }],
  [
    'resources: pids, shm and ulimits',
    {
      resources: {
        pidsLimit: 100,
        shmSize: 32 * MIB,
        ulimits: [{ name: 'nofile', soft: 512, hard: 1024 }],
      },
    },
    {
      'HostConfig.PidsLimit': 100,
      'HostConfig.ShmSize': 32 * MIB,
      'HostConfig.Ulimits': [{ Name: 'nofile', Soft: 512, Hard: 1024 }],
    },
  ],
];

/** @param {any} from @param {string} keys */
function at(from, keys) {
  return keys.split('.').reduce((value, key) => value?.[key], from);
}

/** @param {any} found @param {Record<string, any>} expected */
function assertShows(found, expected) {
  for (const [keys, value] of Object.entries(expected)) assert.deepEqual(at(found, keys), value, keys);
}

describe('config.container', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('has the documented defaults', async () => {
    const { sandboxId } = await sandboxes.create();
    assertShows(await inspect(sandboxId), DEFAULTS);
  });

  for (const [what, container, expected] of CONTAINER) {
    it(`sets ${what}`, async () => {
      const sandbox = await sandboxes.create({ container });
      assertShows(await inspect(sandbox.sandboxId), expected);
      assert.equal((await sandbox.runCommand('echo works')).stdout, 'works\n');
    });
  }

  it('sets capabilities', async () => {
    const capabilities = { add: ['NET_ADMIN'], drop: ['CHOWN', 'NET_RAW'] };
    const { sandboxId } = await sandboxes.create({ container: { capabilities } });
    const { HostConfig } = await inspect(sandboxId);
    const bare = (/** @type {string[]} */ names) => names.map((name) => name.replace(/^CAP_/, '')).sort();
    assert.deepEqual(bare(HostConfig.CapAdd), ['NET_ADMIN']);
    assert.deepEqual(bare(HostConfig.CapDrop), ['CHOWN', 'NET_RAW']);
  });

  it('sets env', async () => {
    const sandbox = await sandboxes.create({ container: { env: { FOO: 'bar', ODD: 'a=b "c" $d' } } });
    const { Config } = await inspect(sandbox.sandboxId);
    assert.ok(Config.Env.includes('FOO=bar') && Config.Env.includes('ODD=a=b "c" $d'));
    assert.equal((await sandbox.runCommand('echo "$FOO $ODD"')).stdout, 'bar a=b "c" $d\n');
  });

  it('runs everything as its user, in its workdir', async () => {
    const container = { user: 'nobody', workdir: '/srv/made/for/it' };
    for (const session of /** @type {const} */ (['agent', 'exec'])) {
      const sandbox = await sandboxes.create({ session, container });
      const told = await sandbox.runCommand('echo $(id -u) $(pwd)');
      assert.equal(told.stdout, '65534 /srv/made/for/it\n');
      const code = await sandbox.runCode('import os\nprint(os.getuid(), os.getcwd())');
      assert.equal(code.stdout, '65534 /srv/made/for/it\n');
    }
  });

  it('mounts binds', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'csdk-bind-'));
    try {
      fs.writeFileSync(path.join(folder, 'from-host'), 'seen');
      const binds = [`${folder}:/data:ro`, `${folder}:/also`];
      const sandbox = await sandboxes.create({ container: { binds } });
      const { HostConfig } = await inspect(sandbox.sandboxId);
      for (const bind of binds) assert.ok(HostConfig.Binds.includes(bind), bind);
      assert.equal(await sandbox.filesystem.readFile('/data/from-host'), 'seen');
      assert.equal((await rejection(sandbox.filesystem.writeFile('/data/x', ''))).code, 'EROFS');
      await sandbox.filesystem.writeFile('/also/from-sandbox', 'written');
      assert.equal(fs.readFileSync(path.join(folder, 'from-sandbox'), 'utf8'), 'written');
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });

  it('publishes ports', async () => {
    const ports = {
      '8080/tcp': [{ hostIP: '127.0.0.1' }, { hostIP: '127.0.0.2' }],
      '5353/udp': [{ hostIP: '127.0.0.1', hostPort: 0 }],
    };
    const { sandboxId } = await sandboxes.create({ container: { ports } });
    const { NetworkSettings } = await inspect(sandboxId);
    const [first, second] = NetworkSettings.Ports['8080/tcp'];
    assert.deepEqual([first.HostIp, second.HostIp].sort(), ['127.0.0.1', '127.0.0.2']);
    assert.equal(NetworkSettings.Ports['5353/udp'][0].HostIp, '127.0.0.1');
    const fixed = { '9090/tcp': [{ hostIP: '127.0.0.3', hostPort: Number(first.HostPort) }] };
    const other = await sandboxes.create({ container: { ports: fixed } });
    const bound = (await inspect(other.sandboxId)).HostConfig.PortBindings['9090/tcp'];
    assert.deepEqual(bound, [{ HostIp: '127.0.0.3', HostPort: first.HostPort }]);
  });
});

describe('createOptions and startOptions', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('merge deep over what the rest makes, and the label stays', async () => {
    const config = {
      container: { env: { REPLACED: 'yes' }, resources: { memory: 256 * MIB } },
      createOptions: {
        Hostname: 'custom-host',
        Env: ['ONLY=this'],
        Labels: { mine: 'label', 'com.computesdk.sandbox': 'false' },
        HostConfig: { Dns: ['192.0.2.1'], ExtraHosts: ['somewhere:192.0.2.7'], AutoRemove: false },
      },
    };
    const sandbox = await sandboxes.create(config, { metadata: { kept: 1 } });
    const { Config, HostConfig } = await inspect(sandbox.sandboxId);
    assert.equal(Config.Hostname, 'custom-host');
    assert.equal(Config.Labels.mine, 'label');
    assert.equal(Config.Labels['com.computesdk.sandbox'], 'true');
    assert.ok('com.computesdk.meta.kept' in Config.Labels);
    assert.ok(Config.Env.includes('ONLY=this') && !Config.Env.includes('REPLACED=yes'));
    assert.deepEqual(HostConfig.Dns, ['192.0.2.1']);
    assert.equal(HostConfig.Memory, 256 * MIB);
    assert.equal(HostConfig.AutoRemove, false);
    assert.equal(
      (await sandbox.runCommand('echo "$ONLY$REPLACED $(hostname)"')).stdout,
      'this custom-host\n',
    );
  });

  it('choose the entrypoint and the command', async () => {
    for (const session of /** @type {const} */ (['agent', 'exec'])) {
      const createOptions = { Entrypoint: ['/bin/sleep'], Cmd: ['9000'] };
      const sandbox = await sandboxes.create({ session, createOptions });
      const { Path, Args } = await inspect(sandbox.sandboxId);
      assert.deepEqual([Path, ...Args], ['/bin/sleep', '9000']);
      assert.equal((await sandbox.runCommand('echo works')).stdout, 'works\n');
    }
  });

  it('keep mounts of their own beside ours', async () => {
    const Mounts = [{ Type: 'tmpfs', Target: '/scratch', TmpfsOptions: { SizeBytes: MIB } }];
    const sandbox = await sandboxes.create({ session: 'agent', createOptions: { HostConfig: { Mounts } } });
    const { stdout } = await sandbox.runCommand('grep -c " /scratch tmpfs " /proc/mounts');
    assert.equal(stdout, '1\n');
  });
});

describe('what Docker is sent', { timeout: SUITE_TIMEOUT }, () => {
  /** @type {Awaited<ReturnType<typeof startProxy>>} */
  let proxy;
  before(async () => {
    proxy = await startProxy();
  });
  after(() => proxy.close());

  /** Creates, or fails to, and tells the body of the create request. @param {any} config */
  async function createRequest(config) {
    const trace = randomUUID();
    proxy.requests = [];
    const provider = docker({ ...config, connection: { socketPath: proxy.socketPath } });
    const sandbox = await provider.sandbox.create({ metadata: { trace } }).catch((error) => {
      assert.match(error.code, /^ERR_DOCKER_API$/);
      return undefined;
    });
    await sandbox?.destroy();
    assert.deepEqual(await containersWith(`com.computesdk.meta.trace=${trace}`), []);
    const [request] = proxy.sent(/^POST \/containers\/create/).filter(({ body }) => body.includes(trace));
    return JSON.parse(request.body);
  }

  it('carries privileged', async () => {
    const { HostConfig } = await createRequest({ container: { privileged: true } });
    assert.equal(HostConfig.Privileged, true);
  });

  for (const [gpus, expected] of /** @type {const} */ ([
    ['all', { Count: -1 }],
    [2, { Count: 2 }],
    ['0,1', { DeviceIDs: ['0', '1'] }],
    ['GPU-3a23c669', { DeviceIDs: ['GPU-3a23c669'] }],
  ])) {
    it(`carries gpus: ${JSON.stringify(gpus)}`, async () => {
      const { HostConfig } = await createRequest({ container: { gpus } });
      const [request, ...more] = HostConfig.DeviceRequests;
      assert.deepEqual(more, []);
      assert.deepEqual(request.Capabilities, [['gpu']]);
      assert.equal(request.Count || undefined, expected.Count);
      assert.deepEqual(request.DeviceIDs ?? undefined, expected.DeviceIDs);
    });
  }

  it('carries startOptions', async () => {
    await createRequest({ startOptions: { detachKeys: 'ctrl-q,a' } });
    const [request] = proxy.sent(/^POST \/containers\/[^/]+\/start/);
    assert.equal(new URL(request.url, 'http://x').searchParams.get('detachKeys'), 'ctrl-q,a');
  });

  it('carries the headers of the connection', async () => {
    proxy.requests = [];
    const connection = { socketPath: proxy.socketPath, headers: { 'X-Csdk-Test': 'carried' } };
    await docker({ connection }).sandbox.list();
    assert.ok(proxy.requests.every(({ headers }) => headers['x-csdk-test'] === 'carried'));
  });
});

describe('image policy', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();
  /** Nobody listens there, so a pull fails at once. */
  const UNREACHABLE = '127.0.0.1:1/csdk/nothing:1';
  /** @type {Awaited<ReturnType<typeof startProxy>>} */
  let proxy;
  before(async () => {
    proxy = await startProxy();
  });
  after(() => proxy.close());
  const pulls = () => proxy.sent(/^POST \/images\/create/);

  /** @param {any} image */
  function create(image) {
    proxy.requests = [];
    return docker({ image, connection: { socketPath: proxy.socketPath } }).sandbox.create();
  }

  it('ifNotPresent, the default, pulls only what is missing', async () => {
    for (const pullPolicy of [undefined, 'ifNotPresent']) {
      sandboxes.track(await create({ name: PYTHON, pullPolicy }));
      assert.deepEqual(pulls(), []);
    }
    const error = await rejection(create({ name: UNREACHABLE }));
    assert.equal(error.code, 'ERR_IMAGE_PULL');
    assert.ok(error.message.includes(UNREACHABLE), error.message);
    assert.equal(pulls().length, 1);
  });

  it('never pulls with never, and says what is missing', async () => {
    sandboxes.track(await create({ name: PYTHON, pullPolicy: 'never' }));
    const error = await rejection(create({ name: UNREACHABLE, pullPolicy: 'never' }));
    assert.equal(error.code, 'ERR_IMAGE_NOT_FOUND');
    assert.ok(error.message.includes(UNREACHABLE), error.message);
    assert.match(error.message, /never/);
    assert.deepEqual(pulls(), []);
  });

  it('always pulls at each create', async () => {
    const error = await rejection(create({ name: UNREACHABLE, pullPolicy: 'always' }));
    assert.equal(error.code, 'ERR_IMAGE_PULL');
    assert.equal(pulls().length, 1);
    const { searchParams } = new URL(pulls()[0].url, 'http://x');
    assert.equal(searchParams.get('fromImage'), '127.0.0.1:1/csdk/nothing');
    assert.equal(searchParams.get('tag'), '1');
  });

  it('sends auth to the registry, and never shows it', async () => {
    const auth = { username: 'someone', password: 'pa$$word-ünï', serveraddress: '127.0.0.1:1' };
    const error = await rejection(create({ name: UNREACHABLE, auth }));
    assert.ok(!JSON.stringify([error.message, error.stack, error]).includes('pa$$word'));
    const header = pulls()[0].headers['x-registry-auth'];
    const sent = JSON.parse(Buffer.from(header, 'base64url').toString());
    const set = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== null));
    assert.deepEqual(set, auth);
  });
});

describe('session and streamLogs', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('uses the session that is asked for, and the agent by default', async () => {
    for (const [session, expected] of /** @type {const} */ ([
      [undefined, 'agent'],
      ['auto', 'agent'],
      ['agent', 'agent'],
      ['exec', 'exec'],
    ])) {
      const sandbox = await sandboxes.create({ session });
      await sandbox.runCommand('true');
      assert.equal((await sandbox.getInfo()).metadata.session, expected);
      const mounted = await sandbox.filesystem.exists('/.computesdk/agent');
      assert.equal(mounted, expected === 'agent');
    }
  });

  it('writes everything that runs to stderr, each line led by the short id', async () => {
    const script = `
      (async () => {
        const sandbox = await sdk.docker({ streamLogs: process.argv[1] === 'on' }).sandbox.create();
        try {
          await sandbox.runCommand('echo to-out; echo to-err >&2; printf no-newline');
          await sandbox.runCode('print("from code")');
          console.log(sandbox.sandboxId);
        } finally {
          await sandbox.destroy();
        }
      })();`;
    const on = await runNode(script, { argv: ['on'] });
    assert.equal(on.code, 0, on.stderr);
    const id = `[${on.stdout.trim().slice(0, 12)}] `;
    const lines = on.stderr.split('\n').filter((line) => line !== '');
    for (const text of ['to-out', 'to-err', 'no-newline', 'from code']) {
      assert.ok(
        lines.some((line) => line === id + text),
        `${text} is not in ${on.stderr}`,
      );
    }
    assert.ok(
      lines.every((line) => line.startsWith(id)),
      on.stderr,
    );
    const off = await runNode(script, { argv: ['off'] });
    assert.deepEqual([off.code, off.stderr], [0, '']);
    await remove(off.stdout.trim());
  });
});
