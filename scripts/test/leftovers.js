'use strict';

// Takes stock of what a test run could leave behind, before and after it: containers, volumes, saved
// images, and processes of the run itself.

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
  return new Set([
    ...(await containers(host)),
    ...(await volumes(host)),
    ...(await images(host)),
    ...ofRun(run),
  ]);
}

/** @param {string} host */
async function containers(host) {
  const found = await ask(host, '/containers/json?all=true');
  return found.map((/** @type {any} */ it) => `container ${it.Id.slice(0, 12)} (${it.Image}) ${it.Names}`);
}

/** @param {string} host */
async function volumes(host) {
  const { Volumes } = await ask(host, '/volumes');
  const names = (Volumes ?? []).map((/** @type {any} */ it) => it.Name);
  return names
    .filter((/** @type {string} */ it) => !it.startsWith('computesdk-agent-'))
    .map((/** @type {string} */ it) => `volume ${it}`);
}

/** Snapshots and templates. @param {string} host */
async function images(host) {
  const filters = encodeURIComponent(JSON.stringify({ label: ['com.computesdk.saved'] }));
  const found = await ask(host, `/images/json?filters=${filters}`);
  return found.map((/** @type {any} */ it) => `image ${it.RepoTags ?? it.Id}`);
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
 * What there is now, was not there before, and stays: things on their way out get a moment, and so do
 * those of whoever else uses the engine.
 * @param {string} host
 * @param {string} run
 * @param {Set<string>} before
 * @returns {Promise<string[]>}
 */
async function leftBehind(host, run, before) {
  let left = [...(await stock(host, run))].filter((line) => !before.has(line));
  const clean = async () => {
    const now = await stock(host, run);
    left = left.filter((line) => now.has(line));
    return left.length === 0;
  };
  await processes.until(clean, 10_000);
  return left;
}

module.exports = { RUN_VARIABLE, leftBehind, stock };
