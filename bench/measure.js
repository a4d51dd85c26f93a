'use strict';

// Takes times and compares them. Contenders take turns in short blocks, since the machine's speed changes
// over minutes: whatever slows one block then slows the neighbours' too.

/**
 * @typedef {import('./types').Row} Row
 * @typedef {import('./types').Target} Target
 */

/**
 * @param {() => Promise<unknown>} work
 * @returns {Promise<number>} milliseconds
 */
async function time(work) {
  const began = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - began) / 1e6;
}

/**
 * Times `work` for each of `subjects`, `blocks` times `perBlock` runs each, after one that does not count (`warmUps`).
 * @template T
 * @param {string} measure
 * @param {Record<string, T>} subjects
 * @param {(subject: T) => Promise<unknown>} work
 * @param {{ blocks: number, perBlock: number, warmUps?: number }} amount
 * @returns {Promise<Row>}
 */
async function compare(measure, subjects, work, { blocks, perBlock, warmUps = 1 }) {
  /** @type {Record<string, number[]>} */
  const samples = {};
  for (const [name, subject] of Object.entries(subjects)) {
    samples[name] = [];
    for (let run = 0; run < warmUps; run += 1) await work(subject);
  }
  for (let block = 0; block < blocks; block += 1) {
    for (const [name, subject] of turned(Object.entries(subjects), block)) {
      for (let run = 0; run < perBlock; run += 1) samples[name]?.push(await time(() => work(subject)));
    }
  }
  return { measure, unit: 'ms', samples };
}

/**
 * The list beginning elsewhere, so that nobody always runs after the same neighbour's load.
 * @template T
 * @param {T[]} list
 * @param {number} by
 */
function turned(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

/** A row to be filled by hand. @param {string} measure @returns {Row} */
const empty = (measure) => ({ measure, unit: 'ms', samples: {} });

/** @param {Row} row @param {string} name @param {number} ms */
function add(row, name, ms) {
  row.samples[name] = [...(row.samples[name] ?? []), ms];
}

/** @param {number[] | undefined} samples @param {number} share e.g. 0.95 */
function percentile(samples, share) {
  const sorted = [...(samples ?? [])].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** @param {number[] | undefined} samples */
const median = (samples) => percentile(samples, 0.5);

/**
 * How many times as long `one` takes as `other`: the median over runs that were neighbours in time, so that
 * a slow minute of the machine weighs on both sides.
 * @param {Row} row
 * @param {string} one
 * @param {string} other
 */
function ratio({ samples }, one, other) {
  const others = samples[other] ?? [];
  return median((samples[one] ?? []).map((value, run) => value / (others[run] ?? Number.NaN)));
}

/** @param {string} target @param {number} value @param {number} limit @returns {Target} */
function atMost(target, value, limit) {
  return { target: `${target}: at most ${limit}`, value, limit, met: value <= limit };
}

/** @param {string} target @param {number} value @param {number} limit @returns {Target} */
function atLeast(target, value, limit) {
  return { target: `${target}: at least ${limit}`, value, limit, met: value >= limit };
}

module.exports = { add, atLeast, atMost, compare, empty, median, percentile, ratio, time, turned };
