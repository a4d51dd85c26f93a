'use strict';

// What a sandbox's beginning and end cost: create, its first result, destroy, and ten creates at once.

const { add, atMost, empty, median, ratio, time, turned } = require('../measure');

const ROUNDS = 12;
const AT_ONCE = 10;

/** @type {import('../types').Part} */
async function lifecycle({ contenders }) {
  const rows = {
    create: empty('create'),
    first: empty('first command after create'),
    both: empty('create to first result'),
    destroy: empty('destroy'),
    many: empty(`${AT_ONCE} creates at once`),
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const contender of turned(contenders, round)) await one(contender, rows);
  }
  for (let round = 0; round < 3; round += 1) {
    for (const contender of contenders) add(rows.many, contender.name, await atOnce(contender));
  }
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

/** @param {Record<'create' | 'both' | 'destroy', import('../types').Row>} rows */
function targets({ create, both, destroy }) {
  const of = ['agent', 'exec'].filter((session) => Number.isFinite(median(create.samples[session])));
  return [
    ...of.map((session) =>
      atMost(`create (${session}), times raw create + start`, ratio(create, session, 'dockerode'), 1.1),
    ),
    ...of.map((session) =>
      atMost(`destroy (${session}), times a raw forced remove`, ratio(destroy, session, 'dockerode'), 1.2),
    ),
    ...of
      .slice(0, 1)
      .map((session) =>
        atMost(`create to first result, times dockerode`, ratio(both, session, 'dockerode'), 1),
      ),
  ];
}

module.exports = { lifecycle };
