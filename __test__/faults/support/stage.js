'use strict';

// An engine for one fault file alone, and what must not be left on it or in this process.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { after, before } = require('node:test');
const { ownEngine, whyNoEngine } = require('../../support/engine.js');
const { PYTHON } = require('../../support/images.js');
const { until, within } = require('../../support/wait.js');

/** Connections that may idle in a provider's pool. */
const IDLE = 8;

/** A call that takes longer hangs. */
const BOUND = 60_000;

/** Codes of errors that say what happened; anything else is a bug, such as a panic or a TypeError. */
const TELLS = /^(ERR_(?!INVALID_ARG)\w+|ABORT_ERR|E[A-Z]+|EPIPE|ESRCH)$/;

const obstacle = whyNoEngine();

/** @type {string | false} reason to skip a file */
const skip = obstacle ? `no private engine: ${obstacle}` : false;

/**
 * Call before requiring the package or the witness: both read DOCKER_HOST.
 * @param {string} name
 * @param {string[]} [args] of dockerd
 */
function stage(name, args) {
  const engine = ownEngine(name, args);
  before(() => (skip ? undefined : engine.start(PYTHON)), { timeout: 120_000 });
  after(() => engine.remove(), { timeout: 120_000 });
  return engine;
}

/**
 * How a call ends; a failure where it does not, or with something that is no error of ours.
 * @param {Promise<unknown>} promise
 * @param {string} what
 * @returns {Promise<{ value?: any, error?: any }>}
 */
async function outcome(promise, what) {
  const settled = promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  );
  const end = await within(settled, what, BOUND);
  if ('error' in end) assertTells(end.error, what);
  return end;
}

/** @param {any} error @param {string} what */
function assertTells(error, what) {
  assert.match(error?.name ?? '', /^(DockerProviderError|AbortError)$/, `${what}: ${error?.stack ?? error}`);
  assert.match(error.code, TELLS, `${what}: ${error.stack}`);
  assert.doesNotMatch(error.message, /panick|undefined|\[object/, what);
}

/** @returns {Promise<string[]>} what is on the engine, but for the agent's volume, which is kept for the next sandbox */
async function stock() {
  const { witness } = require('../../support/docker.js');
  const containers = await witness.listContainers({ all: true });
  const { Volumes } = await witness.listVolumes();
  const volumes = (Volumes ?? []).map(({ Name }) => Name).filter((name) => !/^computesdk-agent-/.test(name));
  return [
    ...containers.map(({ Id, State, Names }) => `container ${Id.slice(0, 12)} ${State} ${Names}`),
    ...volumes.map((name) => `volume ${name}`),
  ];
}

/** Nothing but `kept` is on the engine, now or soon. @param {string} what @param {string[]} [kept] ids */
async function nothingLeft(what, kept = []) {
  const spared = kept.map((id) => id.slice(0, 12));
  const rest = async () => (await stock()).filter((line) => !spared.some((id) => line.includes(id)));
  const end = Date.now() + 15_000;
  while ((await rest()).length > 0 && Date.now() < end) await new Promise((done) => setTimeout(done, 100));
  assert.deepEqual(await rest(), [], `left after ${what}`);
}

function descriptors() {
  return fs.readdirSync('/proc/self/fd').length;
}

/** Descriptors go back to what they were, but for connections that idle. @param {number} before */
function descriptorsFrom(before) {
  const back = () => {
    global.gc?.();
    return descriptors() <= before + IDLE;
  };
  return until(back, `descriptors go back to ${before}, not ${descriptors()}`, 30_000);
}

module.exports = { descriptors, descriptorsFrom, nothingLeft, outcome, skip, stage };
