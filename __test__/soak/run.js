'use strict';

// npm run test:soak: ten thousand commands over fifty sandboxes, ended in every way that a command can end, then nothing
// has grown on either side and nothing is left. Takes some minutes and writes bench/SOAK.md with its plot; an argument
// sets another number of commands, and then nothing is written.

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const { withEngine } = require('../../scripts/engine');
const { until } = require('../../scripts/engine/process');
const { ensureImages } = require('../../scripts/images');
const { PYTHON } = require('../support/images.js');
const { command } = require('./kinds.js');
const { Record } = require('./record.js');
const { descriptors, hostState, inside } = require('./states.js');

const MIB = 1024 * 1024;
const SANDBOXES = 50;
const COMMANDS = Number(process.argv[2] ?? 10_000);
/** In each sandbox, before the first look: caches, pools and allocators fill. */
const WARM_UP = 80;
/** Connections that may idle in the engine's pool. */
const POOL = 8;

/** @typedef {import('../../index').DockerSandbox} DockerSandbox */
/** @typedef {import('./states').Agent} Agent */

/** @param {DockerSandbox[]} sandboxes @param {number} each @param {Record} record */
async function run(sandboxes, each, record) {
  const began = performance.now();
  await Promise.all(
    sandboxes.map(async (sandbox) => {
      for (let n = 0; n < each; n += 1) {
        await command(sandbox, n);
        record.count();
      }
    }),
  );
  return (performance.now() - began) / 1000;
}

/** @param {number} bytes */
function mib(bytes) {
  return `${(bytes / MIB).toFixed(2)} MiB`;
}

/** @param {Agent[]} agents */
function largest(agents) {
  const resident = mib(Math.max(...agents.map((one) => one.resident)));
  return `${agents.length}, at most ${resident} and ${Math.max(...agents.map((one) => one.descriptors))} descriptors`;
}

/** @param {Awaited<ReturnType<typeof hostState>>} state */
function tell({ rss, heapUsed, ...counts }) {
  return JSON.stringify({ ...counts, rss: mib(rss), heapUsed: mib(heapUsed) });
}

/** @param {DockerSandbox[]} sandboxes @param {Record} record */
async function soak(sandboxes, record) {
  const ids = sandboxes.map(({ sandboxId }) => sandboxId);
  await run(sandboxes, WARM_UP, record);
  const host = await hostState();
  const before = inside(ids).agents;
  console.log(`before: host ${tell(host)}; agents ${largest(before)}`);
  assert.equal(before.length, 2 * SANDBOXES, 'an init and a serving agent in each sandbox');

  const seconds = await run(sandboxes, COMMANDS / SANDBOXES, record);
  const grown = await hostState();
  await until(() => inside(ids).others.length === 0, 10_000);
  const { agents, others } = inside(ids);
  console.log(
    `after ${COMMANDS} commands in ${seconds.toFixed(1)} s: host ${tell(grown)}; agents ${largest(agents)}`,
  );

  assert.ok(
    grown.descriptors <= host.descriptors + POOL,
    `${host.descriptors} → ${grown.descriptors} descriptors`,
  );
  assert.ok(grown.listeners <= host.listeners, `${host.listeners} → ${grown.listeners} listeners`);
  assert.equal(grown.onSignal, 0, 'listeners on the signal that all commands shared');
  assert.ok(grown.heapUsed < host.heapUsed + 8 * MIB, 'the JavaScript heap has grown');
  assert.ok(grown.rss < host.rss + 64 * MIB, 'the Node process has grown');
  assert.deepEqual(others, [], 'processes are left in the sandboxes');
  assert.deepEqual(
    new Set(agents.map(({ pid }) => pid)),
    new Set(before.map(({ pid }) => pid)),
    'the same agents',
  );
  for (const one of agents) {
    const was = before.find(({ pid }) => pid === one.pid);
    assert.ok(
      was && one.descriptors <= was.descriptors,
      `${one.command}: ${was?.descriptors} → ${one.descriptors}`,
    );
    assert.ok(
      one.resident < was.resident + MIB / 2,
      `${one.command}: ${was.resident} → ${one.resident} bytes`,
    );
  }
  return `${WARM_UP * SANDBOXES} commands to warm up, then ${COMMANDS} in ${seconds.toFixed(1)} s over ${SANDBOXES} sandboxes`;
}

/** @param {string} host */
async function main(host) {
  await ensureImages(host, [PYTHON]);
  process.env.DOCKER_HOST = host;
  // Both read DOCKER_HOST.
  const { docker } = require('../../index.js');
  const { containersWith, remove } = require('../support/docker.js');
  const label = randomUUID();
  const provider = docker({ session: 'agent', image: { name: PYTHON } });
  await provider.sandbox.list();
  const idle = descriptors(process.pid);
  /** @type {string[]} */
  let ids = [];
  try {
    const creating = Array.from({ length: SANDBOXES }, () =>
      provider.sandbox.create({ metadata: { soak: label } }),
    );
    const sandboxes = await Promise.all(creating);
    ids = sandboxes.map(({ sandboxId }) => sandboxId);
    await Promise.all(sandboxes.map((sandbox) => sandbox.runCommand('true')));
    const record = new Record(inside(ids).agents.map(({ pid }) => pid));
    const took = await soak(sandboxes, record).finally(() => record.end());
    await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
    assert.deepEqual(await containersWith(`com.computesdk.meta.soak=${label}`), [], 'containers are left');
    await until(() => inside(ids).agents.length === 0, 10_000);
    const { agents, others } = inside(ids);
    assert.deepEqual([...agents, ...others], [], 'processes are left');
    await until(() => descriptors(process.pid) <= idle + POOL, 10_000);
    const left = descriptors(process.pid);
    console.log(`descriptors without a sandbox: ${idle} before, ${left} afterwards`);
    assert.ok(left <= idle + POOL, `${idle} → ${left} descriptors`);
    if (process.argv[2] === undefined)
      await record.write(host, `${took}; without a sandbox ${left} descriptors.`);
  } finally {
    const left = await containersWith(`com.computesdk.meta.soak=${label}`);
    await Promise.all(left.map(({ Id }) => remove(Id)));
  }
  console.log('test:soak: passed');
}

withEngine(main).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
