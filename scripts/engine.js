'use strict';

// Finds a Docker engine for the other scripts, and starts a private one where there is none.
//   node scripts/engine.js start|stop|env [NAME]      (NAME: main)
// An engine that answers by DOCKER_HOST or at the default socket is used as it is and never stopped.

const fs = require('node:fs');
const path = require('node:path');
const { answers } = require('./engine/api');
const { say } = require('./engine/install');
const privateEngine = require('./engine/private');
const { alive } = require('./engine/process');

const DEFAULT_HOST = 'unix:///var/run/docker.sock';
const DEFAULT_NAME = 'main';

/** @typedef {{ host: string, name?: string }} Found `name` only for a private engine */

/**
 * The engine to use: the one named, the machine's own, or a private one.
 * @returns {Promise<Found>}
 */
async function find() {
  const named = process.env.DOCKER_HOST;
  if (named) {
    const name = privateEngine.nameOf(named);
    if (name) return { host: named, name };
    if (await answers(named)) return { host: named };
    throw new Error(`no Docker engine answers at DOCKER_HOST=${named}; unset it to use another one`);
  }
  if (await answers(DEFAULT_HOST)) return { host: DEFAULT_HOST };
  return { host: privateEngine.places(DEFAULT_NAME).host, name: DEFAULT_NAME };
}

/**
 * Runs `work` with an engine. A private one that was started for it ends with its last user.
 * @template T
 * @param {(host: string) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withEngine(work) {
  const { host, name } = await find();
  if (!name) return work(host);
  const { started } = await privateEngine.start(name);
  const lease = takeLease(name, started);
  // A first interrupt ends the children (they share the terminal's group), then the engine in `finally`.
  const ignore = () => say('stopping …');
  process.once('SIGINT', ignore).once('SIGTERM', ignore);
  if (started) say(`started a private Docker engine at ${host}`);
  try {
    return await work(host);
  } finally {
    process.off('SIGINT', ignore).off('SIGTERM', ignore);
    if (lease.release()) {
      await privateEngine.stop(name);
      say('stopped the private Docker engine');
    }
  }
}

/**
 * Notes that this process uses a private engine. `release` tells whether nobody else does any more and
 * the engine was started for such uses, not by hand.
 * @param {string} name
 * @param {boolean} started
 */
function takeLease(name, started) {
  const { folder } = privateEngine.places(name);
  const leases = path.join(folder, 'leases');
  const own = path.join(leases, String(process.pid));
  const temporary = path.join(folder, 'temporary');
  fs.mkdirSync(leases, { recursive: true });
  fs.writeFileSync(own, '');
  if (started) fs.writeFileSync(temporary, '');
  return {
    release() {
      fs.rmSync(own, { force: true });
      const others = fs.existsSync(leases) ? fs.readdirSync(leases) : [];
      return fs.existsSync(temporary) && !others.some((pid) => alive(Number(pid)));
    },
  };
}

/**
 * Starts a private engine that stays until `stop`.
 * @param {string} name
 * @param {import('./engine/private').StartOptions} [options]
 */
async function start(name, options) {
  const engine = await privateEngine.start(name, options);
  fs.rmSync(path.join(privateEngine.places(name).folder, 'temporary'), { force: true });
  return engine;
}

/** @param {string | undefined} verb @param {string} name */
async function main(verb, name) {
  if (verb === 'start') {
    const { host, started } = await start(name);
    console.log(`${started ? 'started' : 'already running'}: export DOCKER_HOST=${host}`);
  } else if (verb === 'stop') {
    await privateEngine.stop(name);
    console.log(`stopped: ${name}`);
  } else if (verb === 'env') {
    console.log(`export DOCKER_HOST=${privateEngine.places(name).host}`);
  } else {
    throw new Error('usage: node scripts/engine.js start|stop|env [NAME]');
  }
}

if (require.main === module) {
  main(process.argv[2], process.argv[3] ?? DEFAULT_NAME).catch((error) => {
    say(error.message);
    process.exitCode = 1;
  });
}

module.exports = { find, restart: privateEngine.restart, start, stop: privateEngine.stop, withEngine };
