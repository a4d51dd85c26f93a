'use strict';

// Hosts that are killed in the middle of their work, at a hundred moments: `prune` takes all that they leave, and a
// lifetime ends what they leave without anybody's help.

const { stage, skip } = require('./support/stage.js');

const engine = stage('killed');

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const path = require('node:path');
const { beforeEach, describe, it } = require('node:test');
const { docker } = require('../../index.js');
const { witness } = require('../support/docker.js');
const { PYTHON } = require('../support/images.js');
const { sleep, until } = require('../support/wait.js');
const { KINDS } = require('./support/host.js');
const { generator, seed } = require('./support/random.js');

const HOST = path.join(__dirname, 'support', 'host.js');
/** Moments lie within so many milliseconds of the beginning of the work: several rounds of each kind. */
const SPAN = 1500;
/** Hosts at a time. */
const SIDE_BY_SIDE = 3;

/** Starts a host, kills it so long after it began, and tells what it said of a failure. @param {string} kind @param {object} config @param {number} delay */
async function kill(kind, config, delay) {
  const env = { ...process.env, DOCKER_HOST: engine.host, NODE_TEST_CONTEXT: undefined };
  const child = spawn(process.execPath, [HOST, kind, JSON.stringify(config)], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  const ended = new Promise((resolve) => child.once('close', (_code, signal) => resolve(signal)));
  const began = new Promise((resolve) => child.stdout.once('data', resolve));
  await Promise.race([began, ended]);
  await sleep(delay);
  child.kill('SIGKILL');
  assert.equal(await ended, 'SIGKILL', `${kind}, ${delay} ms: it ended by itself: ${said}`);
}

/** @param {number} each moments of each kind @param {object} config */
async function killAll(each, config) {
  const random = generator(seed);
  const moments = Object.keys(KINDS).flatMap((kind) =>
    Array.from({ length: each }, () => ({ kind, delay: Math.round(random() * SPAN) })),
  );
  console.log(`      seed ${seed}: ${moments.map(({ kind, delay }) => `${kind} ${delay}`).join(', ')}`);
  const next = moments.values();
  const turns = Array.from({ length: SIDE_BY_SIDE }, async () => {
    for (const { kind, delay } of next) await kill(kind, config, delay);
  });
  await Promise.all(turns);
}

const containers = () => witness.listContainers({ all: true });

/** @returns {Promise<string[]>} names */
async function volumes() {
  return ((await witness.listVolumes()).Volumes ?? []).map(({ Name }) => Name);
}

/** What hosts saved is there to be found and deleted, and nothing half-made beside it. */
async function deleteSnapshots() {
  const { snapshot } = docker();
  const found = await snapshot.list();
  for (const { id } of found) await snapshot.delete(id);
  assert.deepEqual(await witness.listImages({ all: true, filters: { label: ['com.computesdk.saved'] } }), []);
  return found.length;
}

describe('hosts that are killed', { skip, timeout: 500_000 }, () => {
  // The engine finishes what the dead asked for.
  const settled = () => sleep(3000);

  beforeEach(async () => {
    assert.deepEqual(await containers(), []);
  });

  it('leave nothing that prune would not take', async () => {
    await killAll(20, {});
    await settled();
    const { length } = await containers();
    await docker().sandbox.prune({ all: true });
    const snapshots = await deleteSnapshots();
    assert.deepEqual(await containers(), []);
    assert.deepEqual(await volumes(), []);
    console.log(`      ${length} containers and ${snapshots} snapshots were left, and are gone`);
  });

  it('leave nothing that would not end by itself with a lifetime', async () => {
    // The moment between making and starting is short; one host at least was killed in it.
    const Labels = { 'com.computesdk.sandbox': 'true', 'com.computesdk.lifetime.max': '4000' };
    await witness.createContainer({ Image: PYTHON, Labels });
    await killAll(8, { lifetime: { max: 4000 } });
    const started = async () => (await containers()).some(({ State }) => State !== 'created');
    await until(async () => !(await started()), 'all that was started ends by itself', 120_000);
    const never = (await containers()).length;
    // A minute later they are no longer taken for what is about to start, and the next host takes them away.
    await sleep(61_000);
    const next = await docker({ lifetime: { max: 60_000 } }).sandbox.create();
    await until(async () => (await containers()).length === 1, 'what was never started goes');
    await next.destroy();
    console.log(`      ${never} containers were never started, and are gone`);
    await deleteSnapshots();
    assert.deepEqual(
      (await volumes()).filter((name) => !name.startsWith('computesdk-agent-')),
      [],
    );
  });
});
