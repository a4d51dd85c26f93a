'use strict';

// The engine restarted, stopped, killed and frozen while calls of every kind are under way, with and without
// live-restore: each of them ends soon, later calls work where they can, and nothing is left. What the specs of
// engine-faults.spec.js say of single calls is not said again.

const { descriptors, descriptorsFrom, nothingLeft, outcome, skip } = require('./support/stage.js');
const { ownEngine } = require('../support/engine.js');

/** Containers end with the daemon, unless it is told otherwise. */
const ENGINES = /** @type {const} */ ([
  ['with live-restore', ['--live-restore']],
  ['without live-restore', []],
]);
const engine = ownEngine('engines', []);

const assert = require('node:assert/strict');
const { getEventListeners } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, afterEach, before, describe, it } = require('node:test');
const { docker } = require('../../index.js');
const { exists, remove, witness } = require('../support/docker.js');
const { PYTHON } = require('../support/images.js');
const { sleep, until, within } = require('../support/wait.js');
const { WITHOUT_CONTAINER, CREATING, prepare, startAll, startRepeated } = require('./support/calls.js');

const LOST =
  /^(ERR_(DOCKER_UNREACHABLE|SESSION_LOST|SANDBOX_STOPPED|SANDBOX_NOT_FOUND|AGENT_UNAVAILABLE|DOCKER_API|CANNOT_RUN)|ABORT_ERR)$/;

/**
 * @typedef {object} Fault
 * @property {string} name
 * @property {() => Promise<unknown>} strike
 * @property {() => Promise<unknown>} recover
 * @property {boolean} [goesOn] what was under way may go on afterwards
 */

/** @type {Fault[]} */
const FAULTS = [
  {
    name: 'restarted',
    strike: async () => {
      await engine.stopDaemon();
      await engine.startDaemon();
    },
    recover: async () => undefined,
  },
  { name: 'stopped', strike: () => engine.stopDaemon(), recover: () => engine.startDaemon() },
  { name: 'killed', strike: () => engine.killDaemon(), recover: () => engine.startDaemon() },
  { name: 'frozen', strike: () => engine.freeze(), recover: async () => engine.thaw(), goesOn: true },
];

describe('an engine under load', { skip, timeout: 600_000 }, () => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'csdk-engines-'));
  before(() => engine.start(PYTHON), { timeout: 120_000 });
  after(async () => {
    await engine.remove();
    fs.rmSync(root, { recursive: true, force: true });
  });
  afterEach(async () => {
    await engine.startDaemon();
    for (const { Id } of await witness.listContainers({ all: true })) await remove(Id);
  });

  for (const [told, args] of ENGINES) {
    for (const session of /** @type {const} */ (['agent', 'exec'])) {
      for (const fault of FAULTS) {
        it(`that is ${fault.name} ${told} (${session})`, () => strike(fault, [...args], session));
      }
    }
  }

  /** @param {Fault} fault @param {string[]} args @param {'agent' | 'exec'} session */
  async function strike({ name, strike, recover, goesOn }, args, session) {
    await engine.as(args);
    const connection = { socketPath: engine.host.slice('unix://'.length), timeout: 3000 };
    const provider = docker({ session, connection, container: { autoRemove: false } });
    await provider.sandbox.list();
    const open = descriptors();
    const sandbox = await provider.sandbox.create({ timeout: 10_000 });
    const stopper = new AbortController();
    const under = { provider, sandbox, stop: stopper.signal, folder: path.join(root, 'folder') };
    await prepare(under);
    const calls = [...startAll(under), ...startRepeated({ ...WITHOUT_CONTAINER, ...CREATING }, under)];
    await sleep(1500);
    await strike();
    await sleep(goesOn ? 5000 : 500);
    if (goesOn) await recover();
    // What found the engine back before it noticed goes on.
    await sleep(goesOn ? 1000 : 0);
    stopper.abort();
    const ends = await Promise.all(
      calls.map(async ([call, promise]) => ({ call, ...(await outcome(promise, `${call}, ${name}`)) })),
    );
    for (const { call, error } of ends) if (error) assert.match(error.code, LOST, `${call}: ${error.stack}`);
    if (!goesOn) await recover();
    await later(sandbox, args.length > 0 || Boolean(goesOn));
    const next = await within(provider.sandbox.create(), 'the next create');
    assert.equal((await next.runCommand('echo next')).stdout, 'next\n');
    await next.destroy();
    await within(sandbox.destroy(), 'destroy');
    await provider.sandbox.prune({ all: true });
    await nothingLeft(name);
    assert.deepEqual(getEventListeners(stopper.signal, 'abort').length, 0, 'listeners');
    await descriptorsFrom(open);
    tell(name, ends);
  }
});

/** A sandbox that has lived through it works; another says what it is. @param {import('../../index').DockerSandbox} sandbox @param {boolean} lives */
async function later(sandbox, lives) {
  if (lives) {
    const works = async () => {
      const { value, error } = await outcome(sandbox.runCommand('echo works'), 'the next command');
      // An engine that died while it saved the sandbox left it frozen.
      if (error?.code === 'ERR_SANDBOX_STOPPED') await sandbox.resume();
      return value?.stdout === 'works\n';
    };
    await until(works, 'the sandbox works', 30_000);
    await sandbox.filesystem.writeFile('works', 'too');
    assert.equal(await sandbox.filesystem.readFile('works'), 'too');
    return;
  }
  assert.ok(await exists(sandbox.sandboxId));
  const { error } = await outcome(sandbox.runCommand('echo'), 'the next command');
  assert.equal(error?.code, 'ERR_SANDBOX_STOPPED', error?.stack);
  await witness.getContainer(sandbox.sandboxId).start();
  assert.equal((await sandbox.runCommand('echo works')).stdout, 'works\n');
}

/** @param {string} name @param {Array<{ call: string, error?: any }>} ends */
function tell(name, ends) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const { error } of ends) counts[error?.code ?? 'done'] = (counts[error?.code ?? 'done'] ?? 0) + 1;
  console.log(`      ${name}: ${ends.length} calls: ${JSON.stringify(counts)}`);
}
