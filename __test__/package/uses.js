'use strict';

// The ways to use an installed package: each runs programs of the fresh project and checks what they print.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { ROOT } = require('../../scripts/platforms.js');
const { mustRun } = require('./folders.js');
const { bunProgram, tool } = require('./managers.js');

/** @typedef {import('./managers').Place} Place */

const DENO_RIGHTS = ['--allow-ffi', '--allow-read', '--allow-env', '--allow-sys'];

/** What each program prints. @type {Record<string, string>} */
const HELLO = {
  'use/esm.mjs': 'hello from an ES module, 42\n',
  'use/cjs.cjs': 'hello from CommonJS\n',
  'use/worker.mjs': 'hello from a worker\nhello from the main thread\n',
  'built/typed.mjs': 'hello from a TypeScript module\n',
  'built/typed.cjs': 'hello from TypeScript as CommonJS\n',
  'use/typed.mts': 'hello from a TypeScript module\n',
};

/**
 * @param {Place} place
 * @param {string} file
 * @param {string[]} [by] what runs it
 * @param {Record<string, string>} [env]
 */
async function says(place, file, by = [process.execPath], env = {}) {
  const { stdout, stderr } = await mustRun([...by, file], { cwd: place.project, env });
  assert.deepEqual({ stdout, stderr }, { stdout: HELLO[file], stderr: '' });
}

/** @param {Place} place */
async function modules(place) {
  await says(place, 'use/esm.mjs');
  await says(place, 'use/cjs.cjs');
}

/** @param {Place} place */
async function plugAndPlay(place) {
  const node = [tool(place, 'yarn'), 'node'];
  // Node calls yarn's way to load ES modules experimental.
  const quiet = { NODE_NO_WARNINGS: '1' };
  await says(place, 'use/esm.mjs', node, quiet);
  await says(place, 'use/cjs.cjs', node, quiet);
}

/** The package's declarations are checked too: `skipLibCheck` is off. @param {Place} place */
async function typescript(place) {
  const newest = path.join(ROOT, 'node_modules', 'typescript-newest', 'bin', 'tsc');
  for (const tsc of [path.join(place.project, 'node_modules', 'typescript', 'bin', 'tsc'), newest]) {
    for (const project of ['tsconfig.bundler.json', 'tsconfig.node16.json']) {
      await mustRun([process.execPath, tsc, '-p', project], { cwd: place.project });
    }
  }
  await says(place, 'built/typed.mjs');
  await says(place, 'built/typed.cjs');
}

/** @param {Place} place */
async function worker(place) {
  await says(place, 'use/worker.mjs');
}

/** @param {Place} place */
async function jest({ project }) {
  const program = path.join(project, 'node_modules', 'jest', 'bin', 'jest.js');
  const flags = [
    'jest.test',
    '--rootDir',
    project,
    '--testTimeout',
    '60000',
    '--no-watchman',
    '--detectOpenHandles',
  ];
  const { stderr } = await mustRun([process.execPath, program, ...flags], { cwd: project });
  assert.match(stderr, /Tests: +3 passed, 3 total/);
  assert.doesNotMatch(stderr, /open handle|did not exit/);
}

/** @param {Place} place */
async function vitest({ project }) {
  const program = path.join(project, 'node_modules', 'vitest', 'vitest.mjs');
  const flags = ['run', 'vitest.test', '--dir', 'tests', '--testTimeout', '60000', '--hookTimeout', '60000'];
  for (const pool of ['forks', 'threads', 'vmThreads']) {
    const command = [process.execPath, program, ...flags, '--pool', pool];
    const { stdout } = await mustRun(command, { cwd: project, env: { NO_COLOR: '1' } });
    assert.match(stdout, /Tests +3 passed \(3\)/, pool);
  }
}

/** @param {Place} place */
async function bun(place) {
  const program = bunProgram(place);
  for (const file of ['use/esm.mjs', 'use/cjs.cjs', 'use/worker.mjs', 'use/typed.mts']) {
    await says(place, file, [program]);
  }
}

/** @param {Place} place */
async function deno(place) {
  const program = [tool(place, 'deno'), 'run', '--no-prompt', ...DENO_RIGHTS];
  for (const file of ['use/esm.mjs', 'use/cjs.cjs', 'use/worker.mjs', 'use/typed.mts']) {
    await says(place, file, program);
  }
}

/** What is asked of the projects of each package manager; the others are like npm's. */
const MODULES = { 'ES module and CommonJS': modules };
/** @type {Record<string, Record<string, (place: Place) => Promise<void>>>} */
const USES = {
  npm: {
    ...MODULES,
    TypeScript: typescript,
    worker_threads: worker,
    Jest: jest,
    vitest,
    Bun: bun,
    Deno: deno,
  },
  pnpm: { ...MODULES, TypeScript: typescript },
  'yarn (node_modules)': { ...MODULES, TypeScript: typescript },
  'yarn (Plug’n’Play)': { 'ES module and CommonJS': plugAndPlay },
  bun: { ...MODULES, Bun: bun },
};

/** What only npm's project has beside the fresh project's own. */
const TEST_RUNNERS = { jest: '^30.5.2', vitest: '^4.0.0' };

/** @param {string} manager @param {string} project */
function prepare(manager, project) {
  fs.cpSync(path.join(__dirname, 'project'), project, { recursive: true });
  if (manager !== 'npm') return;
  const file = path.join(project, 'package.json');
  const manifest = JSON.parse(fs.readFileSync(file, 'utf8'));
  Object.assign(manifest.devDependencies, TEST_RUNNERS);
  fs.writeFileSync(file, JSON.stringify(manifest));
}

module.exports = { USES, prepare };
