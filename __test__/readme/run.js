'use strict';

// Runs an example as its reader would, in a process of its own, and sees which sandboxes it made. Those that it
// did not destroy itself are destroyed here, and told.

const { spawn } = require('node:child_process');
const { text } = require('node:stream/consumers');
const { exists, remove } = require('../support/docker.js');
const { startProxy } = require('../support/proxy.js');
const { ROOT } = require('./blocks.js');

/** Far more than any example takes, less than the patience of whoever waits for a hung one. */
const LIMIT_MS = 180_000;

/**
 * @typedef {object} Run
 * @property {number | null} exitCode null where it had to be killed
 * @property {string} stdout
 * @property {string} stderr
 * @property {string[]} made ids of the sandboxes that it started
 * @property {string[]} left those that were still there at its end
 */

/** @param {import('node:child_process').ChildProcess} child @returns {Promise<number | null>} */
function ended(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
}

/** @param {string[]} args of node @param {string} host */
async function runNode(args, host) {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, DOCKER_HOST: host },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const [exitCode, stdout, stderr] = await Promise.all([
    ended(child),
    text(/** @type {import('node:stream').Readable} */ (child.stdout)),
    text(/** @type {import('node:stream').Readable} */ (child.stderr)),
  ]);
  return { exitCode, stdout, stderr };
}

/** @param {{ url: string }[]} starts @returns {string[]} */
function idsOf(starts) {
  const ids = starts.map(({ url }) => /containers\/([0-9a-f]{64})\/start/.exec(url)?.[1]);
  return [...new Set(ids.filter((id) => id !== undefined))];
}

/**
 * @param {string[]} args of node; its folder is the repository, where the package finds itself by its own name
 * @returns {Promise<Run>}
 */
async function runExample(args) {
  const proxy = await startProxy();
  try {
    const outcome = await runNode(args, `unix://${proxy.socketPath}`);
    const made = idsOf(proxy.sent(/^POST \/containers\/[0-9a-f]{64}\/start/));
    const left = [];
    for (const id of made) if (await exists(id)) left.push(id);
    await Promise.all(left.map(remove));
    return { ...outcome, made, left };
  } finally {
    await proxy.close();
  }
}

module.exports = { runExample };
