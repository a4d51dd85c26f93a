'use strict';

// sandbox.create: what its options do, as Docker and the sandbox itself tell it.

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const { describe, it } = require('node:test');
const { docker } = require('../index.js');
const { containersWith, exists, inspect, remove, witness } = require('./support/docker.js');
const { NODE, PYTHON, SCRATCH } = require('./support/images.js');
const { startProxy } = require('./support/proxy.js');
const { SUITE_TIMEOUT, useSandboxes } = require('./support/sandboxes.js');
const { rejection, until } = require('./support/wait.js');

const NOWHERE = { connection: { socketPath: '/nonexistent/docker.sock' } };

/** Metadata by which a test finds the container of a create that rejects. */
function traceable() {
  const trace = randomUUID();
  return { metadata: { trace }, label: `com.computesdk.meta.trace=${trace}` };
}

describe('create', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('needs no config: a Python sandbox in /workspace', async () => {
    const sandbox = await sandboxes.create();
    assert.match(sandbox.sandboxId, /^[0-9a-f]{64}$/);
    assert.equal(sandbox.provider, 'docker');
    const own = ['filesystem', 'processes', 'provider', 'sandboxId', 'terminal'];
    assert.deepEqual(Object.keys(sandbox).sort(), own);
    const { Config, State } = await inspect(sandbox.sandboxId);
    assert.equal(Config.Image, PYTHON);
    assert.equal(State.Running, true);
    assert.equal(Config.Labels['com.computesdk.sandbox'], 'true');
    assert.equal(Config.Labels['com.computesdk.runtime'], 'python');
    assert.equal((await sandbox.runCommand('pwd')).stdout, '/workspace\n');
    assert.equal((await sandbox.runCode('print("Hello")')).stdout, 'Hello\n');
  });

  it('merges envs over container.env', async () => {
    const config = { container: { env: { KEPT: 'kept', BOTH: 'config' } } };
    const envs = { BOTH: 'create', ODD: 'a=b "c" $HOME\nü', EMPTY: '' };
    const sandbox = await sandboxes.create(config, { envs });
    const script = 'printf "%s|" "$KEPT" "$BOTH" "$ODD"; env | grep ^EMPTY=';
    assert.equal((await sandbox.runCommand(script)).stdout, 'kept|create|a=b "c" $HOME\nü|EMPTY=\n');
  });

  it('gives metadata back with its types, to other providers too', async () => {
    const metadata = {
      text: 'ünï "quoted"',
      looksLikeNumber: '5',
      looksLikeBool: 'true',
      looksLikeJson: '{"a":1}',
      integer: 5,
      fraction: 1.5,
      flag: true,
      nothing: null,
      list: [1, 'a', null],
      nested: { a: { b: [true] } },
      'key.with-dots_and space': 'x',
      empty: '',
    };
    const sandbox = await sandboxes.create({}, { metadata });
    const elsewhere = await docker().sandbox.getById(sandbox.sandboxId);
    for (const handle of [sandbox, elsewhere]) {
      const told = (await handle.getInfo()).metadata;
      for (const [key, value] of Object.entries(metadata)) assert.deepEqual(told[key], value, key);
    }
    const { Config } = await inspect(sandbox.sandboxId);
    assert.ok('com.computesdk.meta.integer' in Config.Labels);
  });

  it('names the container, and says so when the name is in use', async () => {
    const name = `csdk-test-${randomUUID()}`;
    const sandbox = await sandboxes.create({}, { name });
    assert.equal((await inspect(sandbox.sandboxId)).Name, `/${name}`);
    assert.equal((await sandbox.getInfo()).metadata.name, name);
    const error = await rejection(docker().sandbox.create({ name }));
    assert.equal(error.code, 'ERR_DOCKER_API');
    assert.equal(error.statusCode, 409);
    assert.ok(error.message.includes(name), error.message);
    assert.ok((await sandbox.runCommand('true')).exitCode === 0);
  });

  it('puts the namespace before the name', async () => {
    const name = randomUUID();
    const sandbox = await sandboxes.create({}, { namespace: 'team', name });
    assert.equal((await inspect(sandbox.sandboxId)).Name, `/team-${name}`);
  });

  it('publishes ports on free ports of 127.0.0.1, beside container.ports', async () => {
    const config = { container: { ports: { '9000/udp': [{ hostIP: '127.0.0.1' }] } } };
    const sandbox = await sandboxes.create(config, { ports: [8080, 8081] });
    const { NetworkSettings } = await inspect(sandbox.sandboxId);
    for (const port of ['8080/tcp', '8081/tcp', '9000/udp']) {
      const [binding] = NetworkSettings.Ports[port];
      assert.equal(binding.HostIp, '127.0.0.1', port);
      assert.ok(Number(binding.HostPort) > 0, port);
    }
  });

  it('sets the default timeout: option, config, five minutes', async () => {
    const [own, configured, standard] = await Promise.all([
      sandboxes.create({ timeout: 5000 }, { timeout: 1234 }),
      sandboxes.create({ timeout: 5000 }),
      sandboxes.create(),
    ]);
    assert.equal((await own.getInfo()).timeout, 1234);
    assert.equal((await configured.getInfo()).timeout, 5000);
    assert.equal((await standard.getInfo()).timeout, 300_000);
  });

  it('makes many at once', async () => {
    const made = await Promise.all(Array.from({ length: 5 }, () => sandboxes.create()));
    assert.equal(new Set(made.map(({ sandboxId }) => sandboxId)).size, 5);
    const outputs = await Promise.all(made.map((sandbox) => sandbox.runCommand('hostname')));
    assert.deepEqual(
      outputs.map(({ stdout }) => stdout.trim()),
      made.map(({ sandboxId }) => sandboxId.slice(0, 12)),
    );
  });
});

describe('create: runtime and image', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  /** @type {Array<[string, any, any, { image: string, runtime: string }]>} */
  const table = [
    ['the config', { runtime: 'node', image: { name: NODE } }, {}, { image: NODE, runtime: 'node' }],
    ['the runtime alone, in config', { runtime: 'node' }, {}, { image: NODE, runtime: 'node' }],
    ['the runtime alone, at create', {}, { runtime: 'node' }, { image: NODE, runtime: 'node' }],
    [
      'the runtime of create over the one of the config',
      { runtime: 'node', image: { name: NODE } },
      { runtime: 'python' },
      { image: PYTHON, runtime: 'python' },
    ],
    [
      'an image of another name where create asks for no runtime',
      { runtime: 'node', image: { name: PYTHON } },
      {},
      { image: PYTHON, runtime: 'node' },
    ],
    [
      'image over config',
      { image: { name: PYTHON } },
      { image: SCRATCH, runtime: 'node' },
      { image: SCRATCH, runtime: 'node' },
    ],
    ['templateId over image', {}, { templateId: NODE, image: SCRATCH }, { image: NODE, runtime: 'python' }],
    [
      'snapshotId over templateId',
      {},
      { snapshotId: NODE, templateId: SCRATCH, image: PYTHON },
      { image: NODE, runtime: 'python' },
    ],
  ];
  for (const [what, config, options, expected] of table) {
    it(`boots ${what}`, async () => {
      const sandbox = await sandboxes.create(config, options);
      const { Config } = await inspect(sandbox.sandboxId);
      assert.equal(Config.Image, expected.image);
      const info = await sandbox.getInfo();
      assert.equal(info.runtime, expected.runtime);
      assert.equal(info.metadata.image, expected.image);
      assert.equal(info.metadata.runtime, expected.runtime);
    });
  }

  it('takes an image id and a digest-like reference as they are', async () => {
    const { Id } = await witness.getImage(PYTHON).inspect();
    const sandbox = await sandboxes.create({ image: { name: Id, pullPolicy: 'never' } });
    assert.equal((await inspect(sandbox.sandboxId)).Image, Id);
    assert.equal((await sandbox.runCode('print(1)', 'python')).stdout, '1\n');
  });

  it('takes an image without a tag for :latest', async () => {
    const repo = `csdk-test-${randomUUID()}`;
    await witness.getImage(PYTHON).tag({ repo, tag: 'latest' });
    try {
      const sandbox = await sandboxes.create({ image: { name: repo, pullPolicy: 'never' } });
      assert.equal((await sandbox.runCommand('echo up')).stdout, 'up\n');
      await remove(sandbox.sandboxId);
    } finally {
      await witness.getImage(`${repo}:latest`).remove();
    }
  });
});

describe('create: what it refuses', { timeout: SUITE_TIMEOUT }, () => {
  it('refuses an unknown runtime before Docker is asked', async () => {
    const error = await rejection(docker(NOWHERE).sandbox.create({ runtime: 'ruby' }));
    assert.equal(error.code, 'ERR_UNSUPPORTED_RUNTIME');
    assert.match(error.message, /ruby.*python.*node/s);
  });

  /** @type {Array<[string, any, RegExp]>} */
  const table = [
    ['an unknown key', { runtim: 'node' }, /runtim.*runtime/s],
    ['a name that is no string', { name: 5 }, /name/],
    ['a timeout that is no number', { timeout: 'long' }, /timeout/],
    ['a negative timeout', { timeout: -1 }, /timeout/],
    ['a port out of range', { ports: [8080, 70_000] }, /ports\[1\]/],
    ['ports that are no list', { ports: 8080 }, /ports/],
    ['an env value that is no string', { envs: { A: 1 } }, /envs\.A/],
    ['metadata that is no object', { metadata: 'x' }, /metadata/],
    ['a signal that is none', { signal: {} }, /signal/],
    ['options that are no object', 'python', /options/],
  ];
  for (const [what, options, told] of table) {
    it(`refuses ${what} before Docker is asked`, async () => {
      const error = await rejection(docker(NOWHERE).sandbox.create(options));
      assert.equal(error.code, 'ERR_INVALID_CONFIG');
      assert.match(error.message, told);
    });
  }

  /** @type {Array<[string, any]>} */
  const halfway = [
    ['an entrypoint that is not there', { createOptions: { Entrypoint: ['/does/not/exist'] } }],
    ['a network that is not there', { container: { networkMode: 'csdk-no-such-network' } }],
    ['a user that is not there', { container: { user: 'csdk-no-such-user' } }],
  ];
  for (const [what, config] of halfway) {
    it(`leaves no container behind where Docker refuses ${what}`, async () => {
      const { metadata, label } = traceable();
      const error = await rejection(docker(config).sandbox.create({ metadata }));
      assert.equal(error.name, 'DockerProviderError');
      assert.match(error.code, /^ERR_/);
      assert.deepEqual(await containersWith(label), []);
    });
  }
});

describe('create: sandboxId', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('attaches to a running sandbox', async () => {
    const first = await sandboxes.create();
    await first.filesystem.writeFile('note', 'from the first');
    const again = await docker().sandbox.create({ sandboxId: first.sandboxId });
    assert.equal(again.sandboxId, first.sandboxId);
    assert.equal(await again.filesystem.readFile('note'), 'from the first');
  });

  it('creates a new one where there is none', async () => {
    const sandbox = await sandboxes.create({}, { sandboxId: 'f'.repeat(64) });
    assert.notEqual(sandbox.sandboxId, 'f'.repeat(64));
    assert.equal((await sandbox.runCommand('echo new')).stdout, 'new\n');
  });

  it('never enters a container that is no sandbox', async () => {
    const foreign = await witness.createContainer({ Image: PYTHON, Cmd: ['sleep', '600'] });
    sandboxes.trackContainer(foreign.id);
    await foreign.start();
    const sandbox = await sandboxes.create({}, { sandboxId: foreign.id });
    assert.notEqual(sandbox.sandboxId, foreign.id);
    assert.ok(await exists(foreign.id));
  });
});

describe('create: signal', { timeout: SUITE_TIMEOUT }, () => {
  it('rejects at once where it is aborted already', async () => {
    const error = await rejection(docker(NOWHERE).sandbox.create({ signal: AbortSignal.abort('why') }));
    assert.equal(error.name, 'AbortError');
    assert.equal(error.code, 'ABORT_ERR');
    assert.equal(error.cause, 'why');
  });

  for (const [what, request] of /** @type {const} */ ([
    ['while the container is made', /^POST \/containers\/create/],
    ['while the container starts', /^POST \/containers\/[^/]+\/start/],
  ])) {
    it(`leaves no container behind when aborted ${what}`, async () => {
      const proxy = await startProxy();
      try {
        const { metadata, label } = traceable();
        const controller = new AbortController();
        proxy.onRequest = () => {
          if (proxy.sent(request).length > 0) controller.abort();
        };
        const provider = docker({ connection: { socketPath: proxy.socketPath } });
        const error = await rejection(provider.sandbox.create({ metadata, signal: controller.signal }));
        assert.equal(error.name, 'AbortError');
        await until(async () => (await containersWith(label)).length === 0, 'the container is gone');
      } finally {
        await proxy.close();
      }
    });
  }
});
