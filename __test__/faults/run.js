'use strict';

// npm run test:faults: hosts, engines, connections and containers that fail at bad moments, on engines of their own. Takes
// about ten minutes. Needs root on Debian or its relatives, as every private engine does.
//   npm run test:faults                     everything
//   npm run test:faults -- wire abort       the files whose name holds one of the words
//   FAULTS_SEED=7 npm run test:faults -- killed     the moments of an earlier run, which prints its seed

const fs = require('node:fs');
const path = require('node:path');
const { withEngine } = require('../../scripts/engine');
const { say } = require('../../scripts/engine/install');
const { ensureImages } = require('../../scripts/images');
const setup = require('../../scripts/setup');
const { PYTHON } = require('../support/images.js');

/** A file at a time: what is bounded is bounded on a busy machine, too, but nobody should have to wait for it. */
const OPTIONS = [
  '--expose-gc',
  '--test',
  '--test-reporter=spec',
  '--test-concurrency=1',
  '--test-timeout=900000',
];

/** @param {string[]} words */
async function main(words) {
  const began = Date.now();
  await setup.packages();
  await setup.anyAddon();
  const named = (/** @type {string} */ file) =>
    words.length === 0 || words.some((word) => file.includes(word));
  const files = fs.readdirSync(__dirname).filter((file) => file.endsWith('.faults.js') && named(file));
  if (files.length === 0) throw new Error(`no file of __test__/faults matches ${words.join(', ')}`);
  const passed = await withEngine(async (host) => {
    await ensureImages(host, [PYTHON]);
    const paths = files.map((file) => path.join(__dirname, file));
    return setup.show(process.execPath, [...OPTIONS, ...paths], { ...process.env, DOCKER_HOST: host });
  });
  const seconds = Math.round((Date.now() - began) / 1000);
  if (!passed) throw new Error(`test:faults: FAILED after ${seconds} s`);
  console.log(`test:faults: passed in ${seconds} s`);
}

main(process.argv.slice(2)).catch((error) => {
  say(error.message);
  process.exitCode = 1;
});
