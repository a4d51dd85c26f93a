// Shapes of arguments, and what objects show of themselves: nothing here needs an engine.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { inspect } = require('node:util');

const { AbortError, DockerProviderError, createCompute, createDockerCompute, docker } = require('..');
const { codeArguments, commandArguments } = require('../lib/arguments.js');
const { toJson } = require('../lib/plain.js');

const invalid = (message) => ({ name: 'DockerProviderError', code: 'ERR_INVALID_CONFIG', message });

test('docker() names the path of a bad key and what was expected', () => {
  const bad = [
    [{ image: { nam: 'x' } }, /^image\.nam: .*'name'/],
    [{ runtime: 'ruby' }, /^runtime: .*python/],
    [{ container: { resources: { memory: '1g' } } }, /^container\.resources\.memory: .*whole number/],
    [
      { container: { ports: { '8080/tcp': [{ hostPort: 70000 }] } } },
      /^container\.ports\.8080\/tcp\[0\]\.hostPort: .*70000/,
    ],
    [{ container: { env: { A: () => 1 } } }, /^container\.env\.A: expected data, got a function/],
    [{ timeout: Number.NaN }, /^timeout: expected a finite number/],
    ['python', /^config: expected an object, got string/],
  ];
  for (const [config, message] of bad) assert.throws(() => docker(config), invalid(message));
});

test('docker() takes what JavaScript writes: undefined keys, large integers, bytes', () => {
  docker();
  docker({ image: undefined, timeout: undefined, container: { resources: { memory: 4 * 1024 ** 3 } } });
  const json = toJson({ a: undefined, n: 2 ** 53 - 1, b: Buffer.from('pem') }, '');
  assert.equal(json, '{"n":9007199254740991,"b":"pem"}');
  const circle = {};
  circle.self = circle;
  assert.throws(() => toJson(circle, 'x'), invalid(/^x\.self: refers back/));
});

test('the two shapes of runCommand', () => {
  assert.deepEqual(commandArguments([]), { args: [], run: { options: {} } });
  assert.deepEqual(commandArguments([['-l']]).args, ['-l']);
  assert.equal(commandArguments([undefined, { cwd: '/' }]).run.options.cwd, '/');
  assert.equal(commandArguments([{ cwd: '/' }]).run.options.cwd, '/');
  const both = commandArguments([['a'], { timeout: 5, env: { A: '1', B: undefined } }]);
  assert.deepEqual(both.run.options, { timeout: 5, env: { A: '1' } });
  assert.equal(codeArguments(['python']).runtime, 'python');
  assert.equal(codeArguments([{ cwd: '/' }]).run.options.cwd, '/');
  assert.equal(codeArguments(['node', { cwd: '/' }]).run.options.cwd, '/');
});

test('a bad argument of a run is named', () => {
  const bad = [
    [[['a', 1]], /^args\[1\]: expected a string, got number/],
    [['-l'], /^args: expected an array of strings, got string/],
    [[[], 5], /^options: expected an object, got number/],
    [[{ cwdd: '/' }], /^options\.cwdd: unknown key 'cwdd', did you mean 'cwd'\?/],
    [[{ timeOut: 1 }], /did you mean 'timeout'/],
    [[{ zzzzzzzz: 1 }], /expected one of cwd, env/],
    [[{ timeout: '5' }], /^options\.timeout: expected a number, got string/],
    [[{ timeout: Number.POSITIVE_INFINITY }], /^options\.timeout: expected a number, got Infinity/],
    [[{ env: { A: 1 } }], /^options\.env\.A: expected a string, got number/],
    [[{ env: [] }], /^options\.env: expected an object, got an array/],
    [[{ stdin: 5 }], /^options\.stdin: expected a string or bytes/],
    [[{ onStdout: 'x' }], /^options\.onStdout: expected a function/],
    [[{ signal: {} }], /^options\.signal: expected an AbortSignal/],
    [[{ background: 1 }], /^options\.background: expected true or false/],
    [[{ background: true, onStdout() {} }], /^options\.onStdout: .*sandbox\.spawn.*processes\.logs/],
    [[{ background: true, stdin: 'x' }], /^options\.stdin: .*sandbox\.spawn/],
    [[{}, {}], /^args: /],
  ];
  for (const [rest, message] of bad)
    assert.throws(() => commandArguments(rest), invalid(message), String(message));
});

test('bytes are bytes, whatever view holds them', () => {
  const { buffer } = new Uint8Array([1, 2, 3, 4]);
  const stdin = (value) => [...commandArguments([{ stdin: value }]).run.options.stdin];
  assert.deepEqual(stdin(buffer), [1, 2, 3, 4]);
  assert.deepEqual(stdin(new DataView(buffer, 1, 2)), [2, 3]);
  assert.deepEqual(stdin(Buffer.from('a')), [97]);
});

test('calls reject, with the caller in the stack, before an engine is asked', async () => {
  const provider = docker({ connection: { socketPath: '/nowhere/docker.sock' } });
  await assert.rejects(provider.sandbox.getById(5), invalid(/^sandboxId: expected a string, got number/));
  await assert.rejects(provider.sandbox.create({ imag: 'x' }), invalid(/^imag: .*'image'/));
  await assert.rejects(provider.sandbox.create({ signal: 5 }), invalid(/^signal: /));
  await assert.rejects(provider.sandbox.create({ runtime: 'ruby' }), { code: 'ERR_UNSUPPORTED_RUNTIME' });
  async function caller() {
    return provider.sandbox.create({ runtime: 'ruby' });
  }
  await assert.rejects(caller(), (error) => /at caller .*arguments\.spec\.js/.test(error.stack));
});

test('an engine that is not there is an error of each call, not of docker()', async () => {
  const provider = docker({ connection: { socketPath: '/nowhere/docker.sock' } });
  const unreachable = { code: 'ERR_DOCKER_UNREACHABLE', message: /\/nowhere\/docker\.sock/ };
  await assert.rejects(provider.sandbox.create(), unreachable);
  await assert.rejects(provider.sandbox.list(), unreachable);
  await assert.rejects(provider.sandbox.getById('a'), unreachable);
  await assert.rejects(provider.sandbox.destroy('a'), unreachable);
});

test('an aborted signal rejects before an engine is asked', async () => {
  const provider = docker({ connection: { socketPath: '/nowhere/docker.sock' } });
  const reason = new Error('enough');
  await assert.rejects(provider.sandbox.create({ signal: AbortSignal.abort(reason) }), (error) => {
    assert.ok(error instanceof AbortError && error instanceof DockerProviderError && error instanceof Error);
    assert.deepEqual([error.name, error.code, error.cause], ['AbortError', 'ABORT_ERR', reason]);
    return true;
  });
});

test('a provider shows its name and no secret', () => {
  const provider = docker({ image: { name: 'a/b', auth: { username: 'u', password: 'hunter2' } } });
  for (const shown of [
    inspect(provider, { depth: 9 }),
    JSON.stringify(provider),
    JSON.stringify({ ...provider }),
  ]) {
    assert.match(shown, /docker/);
    assert.doesNotMatch(shown, /hunter2|Native/);
  }
  assert.equal(provider.sandbox, provider.sandbox);
  assert.deepEqual(Object.keys(provider), ['name', 'sandbox', 'snapshot', 'template']);
  assert.deepEqual(provider.getSupportedRuntimes(), ['node', 'python']);
});

test('a provider works through a Proxy', async () => {
  const provider = new Proxy(docker({ connection: { socketPath: '/nowhere/docker.sock' } }), {});
  await assert.rejects(provider.sandbox.list(), { code: 'ERR_DOCKER_UNREACHABLE' });
});

test('snapshots and templates check what they are given', async () => {
  const { snapshot, template } = /** @type {any} */ (docker());
  const invalid = (/** @type {string} */ path) => ({
    code: 'ERR_INVALID_CONFIG',
    message: new RegExp(`^${path}`),
  });
  await assert.rejects(snapshot.create(7), invalid('sandboxId: '));
  await assert.rejects(snapshot.create('a', { nam: 'x' }), invalid('options.nam: .*did you mean .name.'));
  await assert.rejects(snapshot.create('a', { metadata: 'x' }), invalid('options.metadata: '));
  await assert.rejects(snapshot.list({ limit: 'x' }), invalid('options.limit: '));
  await assert.rejects(snapshot.list({ limit: -1 }), invalid('limit: '));
  await assert.rejects(snapshot.delete(), invalid('snapshotId: '));
  await assert.rejects(template.create(), invalid('options.name: '));
  await assert.rejects(template.create({ name: '../a' }), invalid('name: '));
  await assert.rejects(template.create({ name: 'a', image: 'b', dockerfile: 'FROM b' }), invalid('image: '));
  await assert.rejects(template.create({ name: 'a', setup: ['a', 7] }), invalid('setup\\[1\\]: '));
  await assert.rejects(template.create({ name: 'a', context: { a: 7 } }), invalid('options.context.a: '));
  await assert.rejects(template.create({ name: 'a', context: '/nonexistent' }), invalid('dockerfile: '));
  await assert.rejects(template.create({ name: 'a', dockerfile: 'Dockerfile' }), invalid('dockerfile: '));
  await assert.rejects(
    template.create({ name: 'a', dockerfile: 'FROM b', context: { '../x': '' } }),
    invalid('context: '),
  );
  await assert.rejects(template.create({ name: 'a', onOutput: 'x' }), invalid('options.onOutput: '));
});

test('createCompute passes calls on, in both shapes of its day', async () => {
  const calls = [];
  const fake = (name) => ({
    name,
    sandbox: {
      create: async (options) => calls.push([name, 'create', options]),
      getById: async (id) => calls.push([name, 'getById', id]),
      list: async () => calls.push([name, 'list']),
      destroy: async (id) => calls.push([name, 'destroy', id]),
    },
  });
  const [one, other] = [fake('one'), fake('other')];
  const compute = createCompute({ defaultProvider: one });
  await compute.sandbox.create();
  await compute.sandbox.create({ runtime: 'node' });
  await compute.sandbox.create({ options: { runtime: 'node' } });
  await compute.sandbox.create({ provider: other, options: { runtime: 'python' } });
  await compute.sandbox.getById('a');
  await compute.sandbox.getById(other, 'a');
  await compute.sandbox.list();
  await compute.sandbox.destroy('a');
  await compute.sandbox.destroy(other, 'a');
  assert.deepEqual(calls, [
    ['one', 'create', undefined],
    ['one', 'create', { runtime: 'node' }],
    ['one', 'create', { runtime: 'node' }],
    ['other', 'create', { runtime: 'python' }],
    ['one', 'getById', 'a'],
    ['other', 'getById', 'a'],
    ['one', 'list'],
    ['one', 'destroy', 'a'],
    ['other', 'destroy', 'a'],
  ]);
  assert.equal(compute.getConfig().defaultProvider, one);
  compute.clearConfig();
  assert.equal(compute.getConfig(), null);
  assert.throws(() => createCompute({}), invalid(/^defaultProvider: /));
});

test('createDockerCompute checks its config', () => {
  assert.equal(typeof createDockerCompute({ runtime: 'node' }).sandbox.create, 'function');
  assert.throws(() => createDockerCompute({ runtme: 'node' }), invalid(/^runtme: .*'runtime'/));
});
