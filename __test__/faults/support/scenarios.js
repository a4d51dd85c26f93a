'use strict';

// What is done over a connection that is going to break: each a call that sends requests of several kinds, and how a
// result shows that it is whole.

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');

const MIB = 1024 * 1024;
/** From 16 MiB on files go by the archive API. */
const LARGE = Buffer.alloc(17 * MIB, 'large');
const TEXT = 'complete\n';

/** @typedef {import('../../../index').DockerProvider} DockerProvider */
/** @typedef {{ provider: DockerProvider, id: string }} Place `id` of a sandbox that is there before */

/**
 * @typedef {object} Scenario
 * @property {string} name
 * @property {number} cuts how many places of each answer are tried
 * @property {boolean} [slow] of the answers that are wrong, only a few are tried
 * @property {(place: Place) => Promise<any>} call
 * @property {(value: any) => void} [whole] fails where a result only looks like one
 * @property {(value: any) => Promise<void>} [undo] what it made
 * @property {boolean} [ownSandbox] it ends the sandbox that it is given
 */

/** @param {Place} place */
async function find({ provider, id }) {
  const sandbox = await provider.sandbox.getById(id);
  if (sandbox) return sandbox;
  // What a forged answer said.
  const { DockerProviderError } = require('../../../index.js');
  throw new DockerProviderError('ERR_SANDBOX_NOT_FOUND', `sandbox ${id} was not found`);
}

/** @type {Scenario[]} */
const SCENARIOS = [
  {
    name: 'create',
    cuts: 4,
    slow: true,
    call: ({ provider }) => provider.sandbox.create(),
    undo: (sandbox) => sandbox.destroy(),
  },
  // Early: each waits a while for execs that were made and never started, which the others leave.
  {
    name: 'pause and resume',
    cuts: 5,
    call: async (place) => {
      const sandbox = await find(place);
      try {
        await sandbox.pause();
      } finally {
        await sandbox.resume();
      }
    },
  },
  {
    name: 'snapshot',
    cuts: 2,
    slow: true,
    call: async ({ provider, id }) => {
      const snapshot = await provider.snapshot.create(id);
      await provider.snapshot.delete(snapshot.id);
    },
  },
  {
    name: 'run a command',
    cuts: 24,
    call: async (place) => (await find(place)).runCommand(`printf '${TEXT}'`),
    whole: ({ stdout, exitCode }) => assert.deepEqual([stdout, exitCode], [TEXT, 0]),
  },
  {
    name: 'read a file',
    cuts: 6,
    call: async (place) => (await find(place)).filesystem.readFile('/tmp/text'),
    whole: (text) => assert.equal(text, TEXT),
  },
  {
    name: 'write and read a large file',
    cuts: 3,
    slow: true,
    call: async (place) => {
      const { filesystem } = await find(place);
      const name = `/tmp/${randomUUID()}`;
      try {
        await filesystem.writeFile(name, LARGE);
        return await filesystem.readFile(name, { encoding: null });
      } finally {
        await filesystem.remove(name).catch(() => undefined);
      }
    },
    whole: (bytes) => assert.ok(LARGE.equals(bytes)),
  },
  {
    name: 'getInfo',
    cuts: 24,
    call: async (place) => (await find(place)).getInfo(),
    whole: ({ status }) => assert.equal(status, 'running'),
  },
  {
    name: 'list',
    cuts: 24,
    call: ({ provider }) => provider.sandbox.list(),
    whole: (found) => assert.ok(found.length > 0),
  },
  {
    name: 'template',
    cuts: 1,
    slow: true,
    call: async ({ provider }) => {
      const template = await provider.template.create({
        name: 'broken',
        context: {},
        dockerfile: 'FROM scratch\nENV A=1',
      });
      await provider.template.delete(template.id);
    },
  },
  {
    name: "the container's own calls",
    cuts: 2,
    call: async (place) => {
      const { container, docker } = (await find(place)).getInstance();
      await docker.ping();
      await docker.info();
      await container.top();
      await container.changes();
      return container.inspect();
    },
    whole: (container) => assert.equal(container.State.Status, 'running'),
  },
  {
    name: 'destroy',
    cuts: 4,
    ownSandbox: true,
    call: async ({ provider, id }) => provider.sandbox.destroy(id),
  },
  {
    name: 'prune',
    cuts: 6,
    call: ({ provider }) => provider.sandbox.prune(),
  },
];

module.exports = { SCENARIOS, TEXT };
