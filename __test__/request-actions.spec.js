'use strict';

// handleComputeRequest: every action, from a Request or a parsed body, and what an answer may tell.

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const { after, before, describe, it } = require('node:test');
const { docker, handleComputeRequest } = require('../index.js');
const { containersWith, exists, inspect, remove, witness } = require('./support/docker.js');
const { PYTHON } = require('./support/images.js');
const { SUITE_TIMEOUT, shareSandbox, useSandboxes } = require('./support/sandboxes.js');

const provider = docker();

/** @param {any} body @param {any} [by] */
async function ask(body, by = provider) {
  const response = await handleComputeRequest(body, by);
  assert.ok(response instanceof Response);
  assert.match(response.headers.get('content-type') ?? '', /application\/json/);
  return { status: response.status, body: await response.json() };
}

/** @param {any} answer @param {number} status @param {RegExp} told */
function assertRefused({ status: given, body }, status, told) {
  assert.equal(given, status, JSON.stringify(body));
  assert.equal(body.success, false);
  assert.match(body.error, told);
  assert.equal(body.provider, 'docker');
  assert.equal(typeof body.sandboxId, 'string');
  assert.ok(!/\n\s+at |\/lib\/|\.js:\d|docker\.sock/.test(JSON.stringify(body)), JSON.stringify(body));
}

describe('handleComputeRequest: actions', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({}, { metadata: { team: 'red' } });
  const sandboxes = useSandboxes();

  /** @param {string} action @param {any} [fields] */
  async function act(action, fields = {}) {
    const { status, body } = await ask({
      action: `compute.sandbox.${action}`,
      sandboxId: shared.id,
      ...fields,
    });
    assert.equal(status, 200, JSON.stringify(body));
    const { success, sandboxId, provider: name, ...rest } = body;
    assert.deepEqual([success, sandboxId, name], [true, shared.id, 'docker']);
    return rest;
  }

  it('create, list and destroy', async () => {
    const options = { metadata: { trace: randomUUID() }, envs: { FROM: 'request' } };
    const made = await ask({ action: 'compute.sandbox.create', runtime: 'node', options });
    assert.deepEqual([made.status, made.body.success, made.body.provider], [200, true, 'docker']);
    const { sandboxId } = made.body;
    sandboxes.trackContainer(sandboxId);
    const { Config } = await inspect(sandboxId);
    assert.equal(Config.Labels['com.computesdk.runtime'], 'node');
    assert.ok(Config.Env.includes('FROM=request'));
    const listed = await ask({ action: 'compute.sandbox.list' });
    assert.ok(listed.body.sandboxes.some((one) => one.sandboxId === sandboxId && one.provider === 'docker'));
    assert.equal((await ask({ action: 'compute.sandbox.destroy', sandboxId })).status, 200);
    assert.equal(await exists(sandboxId), false);
  });

  it('getInfo', async () => {
    const { info } = await act('getInfo');
    const { Created } = await inspect(shared.id);
    assert.equal(info.createdAt, new Date(Created).toISOString());
    assert.deepEqual(
      [info.id, info.status, info.runtime, info.metadata.team],
      [shared.id, 'running', 'python', 'red'],
    );
  });

  it('runCommand', async () => {
    const { result } = await act('runCommand', {
      command: 'sh',
      args: ['-lc', 'echo "a  b"; echo err >&2; exit 3'],
    });
    assert.equal(typeof result.executionTime, 'number');
    assert.deepEqual([result.stdout, result.stderr, result.exitCode], ['a  b\n', 'err\n', 3]);
    const commandOptions = { cwd: '/tmp', env: { WORD: 'x' }, stdin: 'typed' };
    const second = await act('runCommand', { command: 'echo $(pwd) $WORD $(cat)', commandOptions });
    assert.equal(second.result.stdout, '/tmp x typed\n');
    const late = await act('runCommand', { command: 'sleep 60', commandOptions: { timeout: 300 } });
    assert.deepEqual([late.result.exitCode, late.result.timedOut], [124, true]);
    const background = await act('runCommand', { command: 'sleep 5', commandOptions: { background: true } });
    assert.equal(background.result.isBackground, true);
    assert.ok(background.result.pid > 1);
  });

  it('runCode', async () => {
    const { result } = await act('runCode', { code: 'print(6 * 7)', runtime: 'python' });
    assert.deepEqual([result.stdout, result.exitCode], ['42\n', 0]);
    assert.equal((await act('runCode', { code: '' })).result.exitCode, 0);
  });

  it('the six file actions', async () => {
    const path = '/tmp/by-request/file.txt';
    await act('filesystem.mkdir', { path: '/tmp/by-request/sub' });
    await act('filesystem.writeFile', { path, content: 'ünï' });
    assert.deepEqual(await act('filesystem.readFile', { path }), { fileContent: 'ünï' });
    const { files } = await act('filesystem.readdir', { path: '/tmp/by-request' });
    assert.deepEqual(
      files.map(({ name, isDirectory }) => [name, isDirectory]),
      [
        ['file.txt', false],
        ['sub', true],
      ],
    );
    assert.ok(!Number.isNaN(Date.parse(files[0].lastModified)));
    assert.deepEqual(await act('filesystem.exists', { path }), { exists: true });
    await act('filesystem.remove', { path });
    assert.deepEqual(await act('filesystem.exists', { path }), { exists: false });
    await act('filesystem.writeFile', { path, content: '' });
    assert.deepEqual(await act('filesystem.readFile', { path }), { fileContent: '' });
  });

  it('a run without a sandbox makes one, which stays', async () => {
    const { body } = await ask({
      action: 'compute.sandbox.runCode',
      code: 'print("new")',
      runtime: 'python',
    });
    sandboxes.trackContainer(body.sandboxId);
    assert.equal(body.result.stdout, 'new\n');
    assert.ok(await exists(body.sandboxId));
  });

  it('a run without a sandbox that fails leaves none', async () => {
    const trace = randomUUID();
    const options = { metadata: { trace } };
    const answer = await ask({ action: 'compute.sandbox.runCode', code: 'f(', runtime: 'python', options });
    assertRefused(answer, 500, /^Syntax error: SyntaxError/);
    assert.deepEqual(await containersWith(`com.computesdk.meta.trace=${trace}`), []);
  });
});

describe('handleComputeRequest: shapes', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox();
  const url = 'http://localhost/api';

  it('takes a web Request', async () => {
    const body = { action: 'compute.sandbox.runCommand', sandboxId: shared.id, command: 'echo web' };
    const request = new Request(url, { method: 'POST', body: JSON.stringify(body) });
    const answer = await ask(request);
    assert.deepEqual([answer.status, answer.body.result.stdout], [200, 'web\n']);
  });

  it('answers the plain object to { request, provider }', async () => {
    const request = { action: 'compute.sandbox.runCommand', sandboxId: shared.id, command: 'echo plain' };
    const answer = await handleComputeRequest({ request, provider });
    assert.equal(answer.success, true);
    assert.equal(answer.result.stdout, 'plain\n');
    const wrong = await handleComputeRequest({ request: { action: 'no' }, provider });
    assert.deepEqual([wrong.success, typeof wrong.error], [false, 'string']);
  });

  it('refuses other methods and bad JSON', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      assertRefused(await ask(new Request(url, { method })), 405, /POST/);
    }
    for (const body of ['', '{', 'text']) {
      assertRefused(await ask(new Request(url, { method: 'POST', body })), 400, /JSON/);
    }
  });

  it('rejects without a provider', async () => {
    await assert.rejects(
      handleComputeRequest({ action: 'compute.sandbox.list' }, /** @type {any} */ (undefined)),
    );
  });
});

describe('handleComputeRequest: refusals', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox();
  /** @type {string} */
  let foreign;
  before(async () => {
    const container = await witness.createContainer({ Image: PYTHON, Cmd: ['sleep', '600'] });
    await container.start();
    foreign = container.id;
  });
  after(() => remove(foreign));

  it('400 for a malformed body', async () => {
    /** @type {Array<[any, RegExp]>} */
    const table = [
      [null, /object/],
      ['text', /object/],
      [[], /object/],
      [{}, /action/],
      [{ action: 5 }, /action/],
      [{ action: 'compute.sandbox.explode' }, /Unknown action.*explode/],
      [{ action: 'constructor' }, /Unknown action/],
      [{ action: 'compute.sandbox.runCode' }, /[Cc]ode is required/],
      [{ action: 'compute.sandbox.runCommand' }, /[Cc]ommand is required/],
      [{ action: 'compute.sandbox.destroy' }, /Sandbox ID is required/],
      [{ action: 'compute.sandbox.getInfo' }, /Sandbox ID is required/],
      [{ action: 'compute.sandbox.filesystem.readFile' }, /[Pp]ath is required/],
      [{ action: 'compute.sandbox.filesystem.writeFile', path: '/tmp/x' }, /[Cc]ontent is required/],
      [{ action: 'compute.sandbox.runCommand', command: 'id', args: 'x' }, /args/],
      [{ action: 'compute.sandbox.runCommand', command: 'id', sandboxId: 5 }, /sandboxId/],
      [{ action: 'compute.sandbox.runCommand', command: 'id', commandOptions: { user: 'root' } }, /user/],
      [{ action: 'compute.sandbox.create', options: { privileged: true } }, /privileged/],
      [{ action: 'compute.sandbox.create', runtime: 'ruby' }, /ruby/],
    ];
    for (const [body, told] of table) assertRefused(await ask(body), 400, told);
  });

  it('404 for a sandbox that is none, also where it is a container of somebody else', async () => {
    for (const sandboxId of ['never-was', '../x', foreign]) {
      for (const action of ['getInfo', 'runCommand', 'filesystem.readFile']) {
        const body = { action: `compute.sandbox.${action}`, sandboxId, command: 'id', path: '/etc/passwd' };
        assertRefused(await ask(body), 404, /not found|does not exist/);
      }
    }
    assertRefused(
      await ask({ action: 'compute.sandbox.destroy', sandboxId: foreign }),
      404,
      /does not exist|not found|not a sandbox/,
    );
    assert.equal((await inspect(foreign)).State.Running, true);
  });

  it('500 for what failed, telling of the sandbox only', async () => {
    const { id: sandboxId } = shared;
    const missing = { action: 'compute.sandbox.filesystem.readFile', sandboxId, path: '/no/such' };
    assertRefused(await ask(missing), 500, /ENOENT.*\/no\/such/);
    const syntax = { action: 'compute.sandbox.runCode', sandboxId, code: 'f(', runtime: 'python' };
    assertRefused(await ask(syntax), 500, /^Syntax error/);
    const down = docker({ connection: { socketPath: '/srv/private/docker.sock' } });
    for (const action of ['list', 'create', 'getInfo']) {
      const answer = await ask({ action: `compute.sandbox.${action}`, sandboxId }, down);
      assertRefused(answer, 500, /engine|Docker/);
      assert.ok(!JSON.stringify(answer.body).includes('/srv/private'));
    }
  });
});
