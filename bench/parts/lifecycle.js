'use strict';

// What a sandbox's beginning and end cost: create, its first result, destroy, ten creates at once, and creates from a
// pool.

const { add, atMost, empty, median, ratio, time, turned } = require('../measure');

const { setTimeout: sleep } = require('node:timers/promises');
const { docker } = require('../..');

const ROUNDS = 12;
const BURST = 20;
const BURSTS = 5;
const AT_ONCE = 10;

/** @type {import('../types').Part} */
async function lifecycle({ contenders }) {
  const rows = {
    create: empty('create'),
    lasting: empty('create with a lifetime'),
    first: empty('first command after create'),
    both: empty('create to first result'),
    destroy: empty('destroy'),
    many: empty(`${AT_ONCE} creates at once`),
    pooled: empty('create from a pool to first result'),
    burst: empty(`${BURST} creates at once from a pool of ${BURST}, to all first results`),
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const contender of turned(contenders, round)) await one(contender, rows);
    await lasting(rows);
  }
  for (let round = 0; round < 3; round += 1) {
    for (const contender of contenders) add(rows.many, contender.name, await atOnce(contender));
  }
  await fromPool(rows);
  return { rows: Object.values(rows), targets: targets(rows) };
}

/**
 * @param {import('../types').Contender} contender
 * @param {Record<'create' | 'first' | 'both' | 'destroy', import('../types').Row>} rows
 */
async function one(contender, rows) {
  /** @type {import('../types').Box | undefined} */
  let box;
  const create = await time(async () => {
    box = await contender.create();
  });
  const first = await time(async () => box?.run('true'));
  add(rows.create, contender.name, create);
  add(rows.first, contender.name, first);
  add(rows.both, contender.name, create + first);
  add(rows.destroy, contender.name, await time(async () => box?.destroy()));
}

/**
 * A create whose sandbox ends by itself, beside the same round's by dockerode, whose does not.
 * @param {Record<'create' | 'lasting', import('../types').Row>} rows
 */
async function lasting({ create, lasting }) {
  const provider = docker({ runtime: 'python', lifetime: { max: 3_600_000, idle: 600_000 } });
  /** @type {import('../..').DockerSandbox | undefined} */
  let sandbox;
  const ms = await time(async () => {
    sandbox = await provider.sandbox.create();
  });
  add(lasting, 'agent', ms);
  add(lasting, 'dockerode', create.samples.dockerode?.at(-1) ?? Number.NaN);
  await sandbox?.destroy();
}

/** @param {import('../types').Contender} contender */
async function atOnce(contender) {
  /** @type {import('../types').Box[]} */
  let boxes = [];
  const ms = await time(async () => {
    boxes = await Promise.all(Array.from({ length: AT_ONCE }, () => contender.create()));
  });
  for (const box of boxes) await box.destroy();
  return ms;
}

/**
 * Creates that find a full pool, one by one and all at once.
 * @param {Record<'pooled' | 'burst', import('../types').Row>} rows
 */
async function fromPool({ pooled, burst }) {
  const provider = docker({ runtime: 'python', pool: { size: BURST } });
  const full = async () => {
    while ((provider.pool?.stats().waiting ?? 0) < BURST) await sleep(20);
  };
  const create = async () => {
    const sandbox = await provider.sandbox.create();
    await sandbox.runCommand('true');
    return sandbox;
  };
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      await full();
      await sleep(200);
      /** @type {import('../..').DockerSandbox | undefined} */
      let sandbox;
      add(
        pooled,
        'agent',
        await time(async () => {
          sandbox = await create();
        }),
      );
      await sandbox?.destroy();
    }
    for (let round = 0; round < BURSTS; round += 1) {
      await full();
      await sleep(200);
      /** @type {import('../..').DockerSandbox[]} */
      let all = [];
      const at = async () => {
        all = await Promise.all(Array.from({ length: BURST }, create));
      };
      add(burst, 'agent', await time(at));
      for (const sandbox of all) await sandbox.destroy();
    }
  } finally {
    await provider.pool?.close();
  }
}

/** @param {Record<'create' | 'lasting' | 'both' | 'destroy' | 'pooled' | 'burst', import('../types').Row>} rows */
function targets({ create, lasting, both, destroy, pooled, burst }) {
  const of = ['agent', 'exec'].filter((session) => Number.isFinite(median(create.samples[session])));
  return [
    ...of.map((session) =>
      atMost(`create (${session}), times raw create + start`, ratio(create, session, 'dockerode'), 1.1),
    ),
    ...of.map((session) =>
      atMost(`destroy (${session}), times a raw forced remove`, ratio(destroy, session, 'dockerode'), 1.2),
    ),
    atMost('create with a lifetime, times raw create + start', ratio(lasting, 'agent', 'dockerode'), 1.1),
    atMost('pooled create to first result, ms', median(pooled.samples.agent), 10),
    atMost(
      'the same, times dockerode',
      median(pooled.samples.agent) / median(both.samples.dockerode),
      1 / 40,
    ),
    atMost(`${BURST} at once from a pool of ${BURST}, ms`, median(burst.samples.agent), 200),
    ...of
      .slice(0, 1)
      .map((session) =>
        atMost(`create to first result, times dockerode`, ratio(both, session, 'dockerode'), 1),
      ),
  ];
}

module.exports = { lifecycle };
