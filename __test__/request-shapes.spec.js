// handleComputeRequest over a provider of plain objects: what is read from a request, what is answered.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { DockerProviderError, handleComputeRequest } = require('..');

/** A provider that notes its calls and holds the sandbox `known`. */
function fakeProvider(overrides = {}) {
  const calls = [];
  const note =
    (name, answer) =>
    async (...args) => {
      calls.push([name, ...args]);
      return answer;
    };
  const run = { stdout: 'out', stderr: '', exitCode: 3, executionTime: 5, durationMs: 5, sandboxId: 'x' };
  const when = new Date(86_400_000);
  const sandbox = (sandboxId) => ({
    sandboxId,
    provider: 'docker',
    runCode: note('runCode', run),
    runCommand: note('runCommand', { ...run, isBackground: true, pid: 7 }),
    getInfo: note('getInfo', {
      id: sandboxId,
      provider: 'docker',
      runtime: 'python',
      status: 'running',
      createdAt: when,
      timeout: 9,
      metadata: { a: 1 },
    }),
    destroy: note('sandbox.destroy'),
    filesystem: {
      readFile: note('readFile', 'text'),
      writeFile: note('writeFile'),
      mkdir: note('mkdir'),
      readdir: note('readdir', [
        {
          name: 'a',
          path: '/a',
          isDirectory: false,
          type: 'file',
          size: 1,
          lastModified: when,
          modified: when,
        },
      ]),
      exists: note('exists', false),
      remove: note('remove'),
    },
    ...overrides.sandbox,
  });
  const provider = {
    name: 'docker',
    sandbox: {
      create: async (options) => {
        calls.push(['create', options]);
        return sandbox('fresh');
      },
      getById: async (id) => (id === 'known' ? sandbox(id) : null),
      list: async () => [sandbox('known')],
      destroy: note('destroy'),
      ...overrides.manager,
    },
  };
  return { provider, calls };
}

const plain = (provider, request) => handleComputeRequest({ request, provider });

test('the plain form answers an object, the other a Response', async () => {
  const { provider } = fakeProvider();
  const body = { action: 'compute.sandbox.runCode', sandboxId: 'known', code: '1' };
  const expected = {
    success: true,
    sandboxId: 'known',
    provider: 'docker',
    result: { stdout: 'out', stderr: '', exitCode: 3, executionTime: 5 },
  };
  assert.deepEqual(await plain(provider, body), expected);
  const response = await handleComputeRequest(body, provider);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /application\/json/);
  assert.deepEqual(await response.json(), expected);
});

test('a Web Request is read', async () => {
  const { provider, calls } = fakeProvider();
  const url = 'http://localhost/api';
  const body = JSON.stringify({ action: 'compute.sandbox.create', options: { runtime: 'node' } });
  const created = await handleComputeRequest(new Request(url, { method: 'POST', body }), provider);
  assert.deepEqual(await created.json(), { success: true, sandboxId: 'fresh', provider: 'docker' });
  assert.deepEqual(calls, [['create', { runtime: 'node' }]]);

  const get = await handleComputeRequest(new Request(url), provider);
  assert.equal(get.status, 405);
  assert.equal(get.headers.get('allow'), 'POST');
  const broken = await handleComputeRequest(new Request(url, { method: 'POST', body: '{' }), provider);
  assert.equal(broken.status, 400);
  assert.equal((await broken.json()).success, false);
});

test('malformed bodies are 400 and reach no sandbox', async () => {
  const { provider, calls } = fakeProvider();
  const malformed = [
    [null, /JSON object/],
    [[], /JSON object/],
    [{}, /Unknown action/],
    [{ action: 'toString' }, /Unknown action/],
    [{ action: 'compute.sandbox.runCode', sandboxId: 'known' }, /^Code is required for runCode action$/],
    [
      { action: 'compute.sandbox.runCommand', sandboxId: 'known' },
      /^Command is required for runCommand action$/,
    ],
    [
      { action: 'compute.sandbox.runCommand', command: 'ls', args: [1] },
      /args: expected an array of strings/,
    ],
    [{ action: 'compute.sandbox.runCommand', command: 'ls', args: 'x' }, /args/],
    [{ action: 'compute.sandbox.destroy' }, /^Sandbox ID is required for destroy action$/],
    [{ action: 'compute.sandbox.getInfo', sandboxId: { $ne: 1 } }, /sandboxId: expected a string/],
    [{ action: 'compute.sandbox.filesystem.readFile', sandboxId: 'known' }, /^Path is required/],
    [{ action: 'compute.sandbox.filesystem.writeFile', path: '/a' }, /^Content is required/],
    [
      { action: 'compute.sandbox.runCommand', command: 'ls', commandOptions: { user: 'root' } },
      /commandOptions.user/,
    ],
    [{ action: 'compute.sandbox.create', options: { binds: ['/:/host'] } }, /options.binds: not accepted/],
  ];
  for (const [body, message] of malformed) {
    const response = await handleComputeRequest(body, provider);
    const answer = await response.json();
    assert.equal(response.status, 400, JSON.stringify(body));
    assert.match(answer.error, message);
    assert.equal(answer.success, false);
  }
  assert.deepEqual(calls, []);
});

test('an unknown sandbox is 404', async () => {
  const { provider } = fakeProvider();
  const response = await handleComputeRequest(
    { action: 'compute.sandbox.getInfo', sandboxId: 'gone' },
    provider,
  );
  assert.equal(response.status, 404);
  const expected = {
    success: false,
    error: 'Sandbox with ID gone not found',
    sandboxId: 'gone',
    provider: 'docker',
  };
  assert.deepEqual(await response.json(), expected);
});

test('every action answers its field', async () => {
  const { provider, calls } = fakeProvider();
  const ask = (action, more) =>
    plain(provider, { action: `compute.sandbox.${action}`, sandboxId: 'known', ...more });
  const head = { success: true, sandboxId: 'known', provider: 'docker' };
  assert.deepEqual((await ask('list')).sandboxes, [{ sandboxId: 'known', provider: 'docker' }]);
  assert.equal((await ask('getInfo')).info.createdAt, '1970-01-02T00:00:00.000Z');
  assert.equal((await ask('filesystem.readFile', { path: '/a' })).fileContent, 'text');
  assert.deepEqual(await ask('filesystem.writeFile', { path: '/a', content: '' }), head);
  assert.deepEqual(await ask('filesystem.mkdir', { path: '/d' }), head);
  assert.deepEqual((await ask('filesystem.readdir', { path: '/' })).files, [
    { name: 'a', path: '/a', isDirectory: false, size: 1, lastModified: '1970-01-02T00:00:00.000Z' },
  ]);
  assert.equal((await ask('filesystem.exists', { path: '/a' })).exists, false);
  assert.deepEqual(await ask('filesystem.remove', { path: '/a' }), head);
  const background = await ask('runCommand', {
    command: 'ls',
    args: ['-l'],
    commandOptions: { background: true },
  });
  assert.deepEqual([background.result.isBackground, background.result.pid], [true, 7]);
  assert.deepEqual(await ask('destroy'), head);
  assert.deepEqual(
    calls.filter(([name]) => ['writeFile', 'runCommand', 'destroy'].includes(name)),
    [
      ['writeFile', '/a', ''],
      ['runCommand', 'ls', ['-l'], { background: true }],
      ['destroy', 'known'],
    ],
  );
});

test('a run without a sandbox makes one and names it', async () => {
  const { provider, calls } = fakeProvider();
  const answer = await plain(provider, { action: 'compute.sandbox.runCode', code: '1', runtime: 'node' });
  assert.equal(answer.sandboxId, 'fresh');
  assert.deepEqual(calls[0], ['create', { runtime: 'node' }]);
});

test('a sandbox made for a run that fails is destroyed', async () => {
  let destroyed = false;
  const sandbox = {
    runCode: async () => {
      throw new DockerProviderError('ERR_SYNTAX', 'Syntax error: x');
    },
    destroy: async () => {
      destroyed = true;
    },
  };
  const { provider } = fakeProvider({ sandbox });
  const response = await handleComputeRequest({ action: 'compute.sandbox.runCode', code: '1' }, provider);
  assert.equal(response.status, 500);
  assert.equal((await response.json()).error, 'Syntax error: x');
  assert.ok(destroyed);
});

test('an answer never names the host', async () => {
  const secrets = [
    new DockerProviderError('ERR_DOCKER_UNREACHABLE', 'cannot reach unix:///home/me/docker.sock'),
    new DockerProviderError('ERR_DOCKER_API', 'bind source path does not exist: /home/me'),
    new Error('ENOENT: open /home/me/x'),
  ];
  for (const error of secrets) {
    const failing = {
      list: async () => {
        throw error;
      },
    };
    const { provider } = fakeProvider({ manager: failing });
    const response = await handleComputeRequest({ action: 'compute.sandbox.list' }, provider);
    assert.equal(response.status, 500);
    const text = await response.text();
    assert.doesNotMatch(text, /home|at .*\.js/);
    assert.match(JSON.parse(text).error, /\w+/);
  }
});

test('failures of files keep their message', async () => {
  const missing = Object.assign(
    new DockerProviderError('ENOENT', "ENOENT: no such file or directory, open '/a'"),
    {
      syscall: 'open',
      path: '/a',
    },
  );
  const filesystem = {
    readFile: async () => {
      throw missing;
    },
  };
  const { provider } = fakeProvider({ sandbox: { filesystem } });
  const request = { action: 'compute.sandbox.filesystem.readFile', sandboxId: 'known', path: '/a' };
  assert.match((await plain(provider, request)).error, /ENOENT/);
});

test('without a provider it throws', async () => {
  await assert.rejects(handleComputeRequest({ action: 'compute.sandbox.list' }), TypeError);
});
