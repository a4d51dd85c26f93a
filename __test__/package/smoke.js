'use strict';

// The binary beside index.js on a machine without Docker, as a release tries each: it loads, in a worker too, checks a
// config, and says that no engine answers.

const assert = require('node:assert/strict');
const { Worker, isMainThread } = require('node:worker_threads');
const { docker } = require('../../index.js');

/** Where nothing listens. */
const NOBODY = { host: '127.0.0.1', port: 1 };

async function smoke() {
  assert.throws(() => docker(/** @type {any} */ ({ imag: {} })), { code: 'ERR_INVALID_CONFIG' });
  const provider = docker({ connection: NOBODY });
  await assert.rejects(provider.sandbox.create(), { code: 'ERR_DOCKER_UNREACHABLE' });
}

async function main() {
  await smoke();
  if (!isMainThread) return;
  const worker = new Worker(__filename);
  const code = await new Promise((resolve, reject) => worker.once('error', reject).once('exit', resolve));
  assert.equal(code, 0);
  console.log(`the binary works on ${process.platform} ${process.arch}, Node ${process.version}`);
}

main();
