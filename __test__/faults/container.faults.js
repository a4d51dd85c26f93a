'use strict';

// What can happen to a container while calls of every kind are under way: each of them ends soon and says why, and where
// the container lives on, later calls work.

const { descriptors, descriptorsFrom, nothingLeft, outcome, skip, stage } = require('./support/stage.js');

stage('container');

const assert = require('node:assert/strict');
const { getEventListeners } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, afterEach, describe, it } = require('node:test');
const { docker } = require('../../index.js');
const { exec, remove, witness } = require('../support/docker.js');
const { sleep } = require('../support/wait.js');
const { WITHOUT_CONTAINER, prepare, startAll, startRepeated } = require('./support/calls.js');

const MIB = 1024 * 1024;
/** What a paused or starved container makes of a call is bounded by this. */
const TIMEOUT = 8000;
/** A call's reaction to what happened, where it lives on. */
const MOMENT = 3000;

/**
 * @typedef {object} Fault
 * @property {string} name
 * @property {(id: string) => Promise<unknown>} strike
 * @property {(id: string) => Promise<unknown>} [relent] after which the container works again; without it, it is gone
 * @property {RegExp} [code] of every call that it ends
 */

/** A snapshot freezes it for a moment, too. @param {() => Promise<unknown>} work */
async function insist(work) {
  /** @type {any} */
  let refused;
  for (let n = 0; n < 100; n += 1) {
    try {
      return await work();
    } catch (error) {
      refused = error;
      await sleep(100);
    }
  }
  throw refused;
}

/** @param {string} id @param {string} script */
const asRoot = (id, script) => insist(() => exec(id, ['sh', '-c', script]));

/** @type {Fault[]} */
const FAULTS = [
  {
    name: 'removed',
    strike: (id) => witness.getContainer(id).remove({ force: true, v: true }),
    code: /^ERR_(SANDBOX_NOT_FOUND|SESSION_LOST|SANDBOX_STOPPED|AGENT_UNAVAILABLE|CANNOT_RUN|DOCKER_API)$/,
  },
  {
    name: 'stopped',
    strike: (id) => witness.getContainer(id).stop({ t: 1 }),
    relent: (id) => witness.getContainer(id).start(),
    code: /^ERR_(SANDBOX_STOPPED|SESSION_LOST|AGENT_UNAVAILABLE|CANNOT_RUN|DOCKER_API)$/,
  },
  {
    name: 'killed',
    strike: (id) => witness.getContainer(id).kill(),
    relent: (id) => witness.getContainer(id).start(),
    code: /^ERR_(SANDBOX_STOPPED|SESSION_LOST|AGENT_UNAVAILABLE|CANNOT_RUN|DOCKER_API)$/,
  },
  {
    name: 'paused',
    strike: (id) => insist(() => witness.getContainer(id).pause()),
    relent: (id) => witness.getContainer(id).unpause(),
  },
  {
    name: 'out of memory',
    strike: (id) => asRoot(id, 'exec python3 -c "x = []\nwhile True: x.append(bytearray(2**20))"'),
    relent: async () => undefined,
  },
  {
    name: 'out of pids',
    strike: (id) => witness.getContainer(id).update({ PidsLimit: 5 }),
    relent: (id) => witness.getContainer(id).update({ PidsLimit: 1000 }),
  },
  {
    name: 'out of disk',
    strike: (id) =>
      asRoot(id, 'for at in /workspace /tmp /dev/shm; do cat /dev/zero > $at/full; done 2>/dev/null; true'),
    relent: (id) => asRoot(id, 'rm -f /workspace/full /tmp/full /dev/shm/full'),
  },
];

for (const session of /** @type {const} */ (['agent', 'exec'])) {
  describe(`a container (${session})`, { skip, timeout: 400_000 }, () => {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'csdk-faults-'));
    after(() => fs.rmSync(root, { recursive: true, force: true }));

    afterEach(async () => {
      for (const { Id } of await witness.listContainers({ all: true })) await remove(Id);
    });

    for (const { name, strike, relent, code } of FAULTS) {
      it(`that is ${name} under every call`, async () => {
        const provider = docker({
          session,
          container: { autoRemove: false, resources: { memory: 256 * MIB, memorySwap: 256 * MIB } },
          createOptions: {
            HostConfig: { Tmpfs: { '/workspace': 'size=48m,mode=1777', '/tmp': 'size=48m,mode=1777' } },
          },
        });
        await provider.sandbox.list();
        const open = descriptors();
        const sandbox = await provider.sandbox.create({ timeout: TIMEOUT });
        const stopper = new AbortController();
        const under = { provider, sandbox, stop: stopper.signal, folder: path.join(root, 'folder') };
        await prepare(under);
        const calls = startAll(under);
        const others = startRepeated(WITHOUT_CONTAINER, under);
        await sleep(1500);
        await strike(sandbox.sandboxId);
        await sleep(code ? 0 : MOMENT);
        // What can go on goes on until it is stopped.
        if (!code) {
          await relent?.(sandbox.sandboxId);
          stopper.abort();
        }
        const ends = await settled(calls, name);
        stopper.abort();
        await settled(others, name);
        for (const { call, error, value } of code ? ends : []) {
          // That loop is told by its end.
          if (call === 'metrics, again and again') continue;
          if (error) assert.match(error.code, code, `${call}: ${error.stack}`);
          else assert.ok(value?.exitCode > 0, `${call}: ${JSON.stringify(value)}`);
        }
        if (code) await relent?.(sandbox.sandboxId);
        if (relent) {
          const { stdout } = await sandbox.runCommand('echo works; rm -rf /workspace/*');
          assert.equal(stdout, 'works\n');
          await sandbox.filesystem.writeFile('works', 'too');
          assert.equal(await sandbox.filesystem.readFile('works'), 'too');
          assert.equal((await sandbox.getInfo()).metadata.session, session);
        }
        await sandbox.destroy();
        await nothingLeft(name);
        assert.deepEqual(getEventListeners(stopper.signal, 'abort').length, 0, 'listeners');
        await descriptorsFrom(open);
      });
    }
  });
}

/** How calls end. @param {Array<[string, Promise<unknown>]>} calls @param {string} fault */
async function settled(calls, fault) {
  const ends = await Promise.all(
    calls.map(async ([call, promise]) => ({ call, ...(await outcome(promise, `${call}, ${fault}`)) })),
  );
  tell(fault, ends);
  return ends;
}

/** @param {string} name @param {Array<{ call: string, error?: any }>} ends */
function tell(name, ends) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const { error } of ends) {
    const code = error?.code ?? 'done';
    counts[code] = (counts[code] ?? 0) + 1;
  }
  console.log(`      ${name}: ${ends.length} calls: ${JSON.stringify(counts)}`);
}
