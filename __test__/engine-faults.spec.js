'use strict';

// Faults of the engine itself, on one of our own: restarted under running sandboxes, stopped, frozen.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const path = require('node:path');
const { text } = require('node:stream/consumers');
const { after, afterEach, before, describe, it } = require('node:test');
const { ownEngine, whyNoEngine } = require('./support/engine.js');

const engine = ownEngine('faults');

const { docker } = require('../index.js');
const { containersWith, exists, processesWith, remove } = require('./support/docker.js');
const { PYTHON } = require('./support/images.js');
const { startProxy } = require('./support/proxy.js');
const { eachSession, useSandboxes } = require('./support/sandboxes.js');
const { counter, rejection, until, within } = require('./support/wait.js');

/** Docker 20.10 removes containers with AutoRemove when it starts, however well they run. */
const container = { autoRemove: false };
const PROGRAM = path.join(__dirname, '..', 'bin', 'computesdk-docker.js');
const LOST = /^ERR_(DOCKER_UNREACHABLE|SESSION_LOST)$/;
const obstacle = whyNoEngine();

describe('an engine of our own', {
  skip: obstacle && `no private engine: ${obstacle}`,
  timeout: 560_000,
}, () => {
  before(() => engine.start(PYTHON), { timeout: 120_000 });
  after(() => engine.remove());

  eachSession('an engine that is restarted', (session) => {
    const sandboxes = useSandboxes();

    it('fails what is in flight; the same sandbox goes on with what it had', async () => {
      const sandbox = await sandboxes.create({ session, container });
      const id = sandbox.sandboxId;
      await sandbox.filesystem.writeFile('/tmp/kept', 'before');
      const { pid } = await sandbox.runCommand('sleep 987', { background: true });
      const { errors } = await threeInFlight(sandbox);
      await engine.stopDaemon();
      await engine.startDaemon();
      for (const error of await within(errors, 'the calls in flight')) {
        assert.equal(error.code, 'ERR_SESSION_LOST', error.message);
        assert.ok(error.message.includes(id.slice(0, 12)), error.message);
      }
      const next = await within(sandbox.runCommand('echo next; cat /tmp/kept'), 'the next command');
      assert.deepEqual([next.exitCode, next.stdout], [0, 'next\nbefore']);
      assert.equal((await sandbox.runCode('print(6 * 7)')).stdout, '42\n');
      assert.equal(await sandbox.filesystem.readFile('/tmp/kept'), 'before');
      assert.equal((await sandbox.runCommand(`kill -0 ${pid} && echo alive`)).stdout, 'alive\n');
      const info = await sandbox.getInfo();
      assert.deepEqual([info.id, info.status, info.metadata.session], [id, 'running', session]);
      await sandbox.destroy();
      assert.equal(await exists(id), false);
    });
  });

  eachSession('an engine that is stopped', (session) => {
    const sandboxes = useSandboxes();
    afterEach(() => engine.startDaemon());

    it('fails every kind of call in bounded time, and serves them when it is back', async () => {
      const provider = docker({ session, container });
      const sandbox = sandboxes.track(await provider.sandbox.create());
      await sandbox.runCommand('true');
      const { errors } = await threeInFlight(sandbox);
      await engine.stopDaemon();
      for (const error of await within(errors, 'the calls in flight')) assert.match(error.code, LOST);
      await Promise.all(
        everyCall(provider, sandbox).map(async ([what, call]) => {
          const error = await within(rejection(call()), what);
          assert.equal(error.name, 'DockerProviderError', what);
          assert.match(error.code, LOST, what);
        }),
      );
      await engine.startDaemon();
      assert.equal((await within(sandbox.runCommand('echo back'), 'the next')).stdout, 'back\n');
      await within(sandbox.destroy(), 'destroy');
      assert.equal(await exists(sandbox.sandboxId), false);
    });
  });

  eachSession('an engine that hangs', (session) => {
    const sandboxes = useSandboxes();
    afterEach(() => engine.thaw());

    it('cannot outlive the timeout of a call, and serves the next one when it moves again', async () => {
      const { sandboxId } = await sandboxes.create({ session, container });
      // What has no timeout of its own, as file calls, is bounded by that of the connection.
      const provider = docker({ session, connection: { timeout: 5000 } });
      const sandbox = await provider.sandbox.getById(sandboxId);
      const { filesystem } = sandbox;
      const up = counter();
      const caught = sandbox.runCommand('echo up; sleep 300', { timeout: 6000, onStdout: up.count });
      await until(() => up.calls > 0, 'the command runs');
      await engine.freeze();
      const aborter = new AbortController();
      const aborted = rejection(sandbox.runCommand('true', { signal: aborter.signal }));
      const failing = [
        () => filesystem.readFile('/etc/hostname'),
        () => filesystem.writeFile('/tmp/file', 'x'),
        () => sandbox.getInfo(),
        () => provider.sandbox.list(),
      ].map((call) => rejection(call()));
      const late = [
        caught,
        sandbox.runCommand('true', { timeout: 500 }),
        sandbox.runCode('print(1)', 'python', { timeout: 500 }),
      ];
      aborter.abort();
      for (const { exitCode, timedOut } of await within(Promise.all(late), 'commands')) {
        assert.deepEqual([exitCode, timedOut], [124, true]);
      }
      assert.equal((await within(aborted, 'the abort')).name, 'AbortError');
      for (const error of await within(Promise.all(failing), 'other calls')) assert.match(error.code, LOST);
      engine.thaw();
      assert.equal((await within(sandbox.runCommand('echo next'), 'the next')).stdout, 'next\n');
      assert.equal(await filesystem.exists('/etc/hostname'), true);
      // By exec nothing can be killed meanwhile.
      if (session === 'exec') return;
      const gone = async () => (await processesWith(sandboxId, 'sleep 300')).length === 0;
      await until(gone, 'what timed out meanwhile is gone');
    });
  });

  describe('an engine that stops answering under the doctor', () => {
    afterEach(() => engine.thaw());

    for (const [when, asked] of /** @type {const} */ ([
      ['its first answers', /^GET \/info/],
      ['it told of itself', /^GET \/images\//],
      ['the sandbox was started', /^POST \/exec\//],
    ])) {
      it(`after ${when} is told of within seconds`, async () => {
        const proxy = await startProxy();
        proxy.onRequest = ({ method, url }) => {
          if (asked.test(`${method} ${url.replace(/^\/v[\d.]+/, '')}`)) engine.freeze();
        };
        const env = { ...process.env, DOCKER_HOST: `unix://${proxy.socketPath}` };
        const doctor = spawn(process.execPath, [PROGRAM, 'doctor'], {
          env,
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        const ended = new Promise((resolve) => doctor.once('exit', resolve));
        const stdout = await within(text(doctor.stdout), 'the doctor');
        assert.equal(await ended, 1, stdout);
        assert.match(stdout, /problem {2}engine {3}.* did not answer within 5000 ms/);
        assert.match(stdout, /-> the engine hangs/);
        await proxy.close();
        engine.thaw();
        for (const { Id } of await containersWith('com.computesdk.meta.doctor')) await remove(Id);
      });
    }
  });
});

/**
 * What three commands reject with, which run when this resolves.
 * @param {import('../index').DockerSandbox} sandbox
 */
async function threeInFlight(sandbox) {
  const up = counter();
  const run = () => rejection(sandbox.runCommand('echo up; sleep 300; echo late', { onStdout: up.count }));
  const running = Promise.all([run(), run(), run()]);
  await until(() => up.calls === 3, 'the commands run');
  return { errors: running };
}

/**
 * @param {import('../index').DockerProvider} provider
 * @param {import('../index').DockerSandbox} sandbox
 * @returns {Array<[string, () => Promise<unknown>]>}
 */
function everyCall(provider, sandbox) {
  const { filesystem, sandboxId } = sandbox;
  const instance = sandbox.getInstance();
  return [
    ['runCommand', () => sandbox.runCommand('true')],
    ['runCommand in the background', () => sandbox.runCommand('sleep 5', { background: true })],
    ['runCode', () => sandbox.runCode('print(1)')],
    ['readFile', () => filesystem.readFile('/etc/hostname')],
    ['writeFile', () => filesystem.writeFile('/tmp/file', 'x')],
    ['writeFile of a large file', () => filesystem.writeFile('/tmp/file', Buffer.alloc(20_000_000))],
    ['mkdir', () => filesystem.mkdir('/tmp/folder')],
    ['readdir', () => filesystem.readdir('/')],
    ['exists', () => filesystem.exists('/')],
    ['remove', () => filesystem.remove('/tmp/file')],
    ['getInfo', () => sandbox.getInfo()],
    ['getUrl', () => sandbox.getUrl({ port: 80 })],
    ['container.inspect', () => instance.container.inspect()],
    ['docker.ping', () => instance.docker.ping()],
    ['create', () => provider.sandbox.create()],
    ['list', () => provider.sandbox.list()],
    ['getById', () => provider.sandbox.getById(sandboxId)],
    ['destroy by id', () => provider.sandbox.destroy(sandboxId)],
    ['destroy', () => sandbox.destroy()],
  ];
}
