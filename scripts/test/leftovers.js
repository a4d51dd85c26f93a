'use strict';

// Takes stock of what a test run could leave behind, before and after it: sandbox containers, volumes,
// agent processes and processes of the run itself.

const fs = require('node:fs');
const { ask } = require('../engine/api');
const processes = require('../engine/process');

/** Every process of a test run has this variable in its environment, also one that has left its parent. */
const RUN_VARIABLE = 'COMPUTESDK_TEST_RUN';

/**
 * What is there: a line for each thing.
 * @param {string} host
 * @param {string} run id of the test run
 * @returns {Promise<Set<string>>}
 */
async function stock(host, run) {
  return new Set([...(await containers(host)), ...(await volumes(host)), ...agents(), ...ofRun(run)]);
}

/** @param {string} host */
async function containers(host) {
  const filters = encodeURIComponent(JSON.stringify({ label: ['com.computesdk.sandbox'] }));
  const found = await ask(host, `/containers/json?all=true&filters=${filters}`);
  return found.map(
    (/** @type {any} */ it) => `container ${it.Id.slice(0, 12)} (${it.Image}, ${it.State}) ${it.Names}`,
  );
}

/** @param {string} host */
async function volumes(host) {
  const { Volumes } = await ask(host, '/volumes');
  const names = (Volumes ?? []).map((/** @type {any} */ it) => it.Name);
  return names
    .filter((/** @type {string} */ it) => !it.startsWith('computesdk-agent-'))
    .map((/** @type {string} */ it) => `volume ${it}`);
}

/** Agents are seen from outside their containers. */
function agents() {
  const found = processes.list().filter((entry) => entry.command[0] === '/.computesdk/agent');
  return found.map((entry) => `process ${entry.pid}: ${entry.command.join(' ')}`);
}

/** @param {string} run */
function ofRun(run) {
  const found = processes
    .list()
    .filter((entry) => entry.pid !== process.pid && environment(entry.pid).includes(run));
  return found.map((entry) => `process ${entry.pid}: ${entry.command.join(' ')}`);
}

/** @param {number} pid */
function environment(pid) {
  try {
    return fs.readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return '';
  }
}

/**
 * What there is now and was not there before. Things that are still on their way out get a moment.
 * @param {string} host
 * @param {string} run
 * @param {Set<string>} before
 * @returns {Promise<string[]>}
 */
async function leftBehind(host, run, before) {
  /** @type {string[]} */
  let left = [];
  const clean = async () => {
    left = [...(await stock(host, run))].filter((line) => !before.has(line));
    return left.length === 0;
  };
  await processes.until(clean, 5000);
  return left;
}

module.exports = { RUN_VARIABLE, leftBehind, stock };
