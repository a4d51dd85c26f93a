'use strict';

// npm test: builds what is missing, finds or starts a Docker engine with the images, and runs all tests.
//   npm test                    Rust tests, then every spec
//   npm test -- rust            the Rust tests only
//   npm test -- js              the specs only
//   npm test -- WORD …          the specs whose path holds one of the words
// Ends by checking that nothing is left behind in the engine or on the machine.

const { randomUUID } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { withEngine } = require('./engine');
const { say } = require('./engine/install');
const { ensureImages } = require('./images');
const setup = require('./setup');
const { RUN_VARIABLE, leftBehind, stock } = require('./test/leftovers');

/** Of a whole spec file; the specs bound their tests themselves. */
const FILE_TIMEOUT = 600_000;

/** @param {string[]} words @returns {string[]} spec files */
function select(words) {
  const folder = path.join(setup.ROOT, '__test__');
  const all = fs.existsSync(folder)
    ? /** @type {string[]} */ (fs.readdirSync(folder, { recursive: true }))
    : [];
  const specs = all.filter((file) => file.endsWith('.spec.js')).map((file) => path.join('__test__', file));
  if (words.length === 0 || words.includes('js')) return specs.sort();
  return specs.filter((file) => words.some((word) => file.includes(word))).sort();
}

/** @param {string[]} words @param {string} host */
async function runTests(words, host) {
  const run = randomUUID();
  const env = { ...process.env, DOCKER_HOST: host, [RUN_VARIABLE]: run };
  const before = await stock(host, run);
  const specs = select(words);
  const failures = [];
  if (words.length === 0 || words.includes('rust')) {
    const passed = await setup.show('cargo', ['test', '--locked', '--workspace', '--no-fail-fast'], env);
    if (!passed) failures.push('Rust tests failed');
  }
  if (specs.length > 0) {
    const options = [
      '--test',
      '--test-reporter=spec',
      '--test-concurrency=2',
      `--test-timeout=${FILE_TIMEOUT}`,
    ];
    if (!(await setup.show(process.execPath, [...options, ...specs], env))) failures.push('specs failed');
  } else if (!words.includes('rust')) {
    failures.push(`no spec matches ${words.join(', ')}`);
  }
  const left = await leftBehind(host, run, before);
  if (left.length > 0) failures.push(`left behind:\n  ${left.join('\n  ')}`);
  return { failures, specs: specs.length };
}

/** @param {string[]} words */
async function main(words) {
  const began = Date.now();
  await setup.packages();
  await setup.devAddon();
  const { failures, specs } = await withEngine(async (host) => {
    await ensureImages(host);
    return runTests(words, host);
  });
  const seconds = Math.round((Date.now() - began) / 1000);
  if (failures.length > 0) throw new Error(`npm test: FAILED after ${seconds} s: ${failures.join('; ')}`);
  console.log(`npm test: passed in ${seconds} s (${specs} spec files), nothing is left behind`);
}

main(process.argv.slice(2)).catch((error) => {
  say(error.message);
  process.exitCode = 1;
});
