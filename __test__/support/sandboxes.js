'use strict';

// Sandboxes for specs: always destroyed, whatever became of the test.

const { after, before, describe } = require('node:test');
const { docker } = require('../../index.js');
const { remove } = require('./docker.js');
const { NODE, PYTHON } = require('./images.js');

/** A suite may hang; the machine that runs it must not. */
const SUITE_TIMEOUT = 300_000;

/** @typedef {import('../../index').DockerConfig} DockerConfig */
/** @typedef {import('../../index').CreateSandboxOptions} CreateSandboxOptions */
/** @typedef {import('../../index').DockerSandbox} DockerSandbox */
/** @typedef {'agent' | 'exec'} SessionKind */

/**
 * Makes sandboxes that are gone when the suite around it ends.
 */
function useSandboxes() {
  /** @type {Set<string>} */
  const made = new Set();
  after(async () => {
    await Promise.all([...made].map(remove));
  });
  const track = (/** @type {DockerSandbox} */ sandbox) => {
    made.add(sandbox.sandboxId);
    return sandbox;
  };
  return {
    track,
    /** @param {DockerConfig} [config] @param {CreateSandboxOptions} [options] */
    create: async (config, options) => track(await docker(config).sandbox.create(options)),
    /** A container that somebody else made, by its id. @param {string} id */
    trackContainer: (id) => {
      made.add(id);
      return id;
    },
  };
}

/**
 * One sandbox for the whole suite, as `shared.sandbox`.
 * @param {DockerConfig} [config]
 * @param {CreateSandboxOptions} [options]
 * @returns {{ sandbox: DockerSandbox, id: string }}
 */
function shareSandbox(config, options) {
  const sandboxes = useSandboxes();
  const shared = /** @type {{ sandbox: DockerSandbox, id: string }} */ ({});
  before(async () => {
    shared.sandbox = await sandboxes.create(config, options);
    shared.id = shared.sandbox.sandboxId;
  });
  return shared;
}

/**
 * The same suite for both ways in which commands reach a sandbox.
 * @param {string} name
 * @param {(session: SessionKind) => void} suite
 */
function eachSession(name, suite) {
  for (const session of /** @type {const} */ (['agent', 'exec'])) {
    describe(`${name} (${session})`, { timeout: SUITE_TIMEOUT }, () => suite(session));
  }
}

/**
 * The same suite for both sessions on both userlands, glibc with Debian's tools and BusyBox.
 * @param {string} name
 * @param {(place: { session: SessionKind, runtime: 'python' | 'node', config: DockerConfig }) => void} suite
 */
function eachUserland(name, suite) {
  for (const session of /** @type {const} */ (['agent', 'exec'])) {
    for (const runtime of /** @type {const} */ (['python', 'node'])) {
      const config = { session, runtime, image: { name: runtime === 'python' ? PYTHON : NODE } };
      const userland = runtime === 'python' ? 'Debian' : 'BusyBox';
      describe(`${name} (${session}, ${userland})`, { timeout: SUITE_TIMEOUT }, () =>
        suite({ session, runtime, config }),
      );
    }
  }
}

module.exports = { SUITE_TIMEOUT, eachSession, eachUserland, shareSandbox, useSandboxes };
