'use strict';

// npm run check: what CI runs. Formatting, lints, types, then all tests, and that none of it changed a file.
//   npm run check               everything
//   npm run check -- lint       all but the tests

const { execFileSync, spawnSync } = require('node:child_process');
const { say } = require('./engine/install');
const { ROOT, packages, show } = require('./setup');

/** Components of the Rust toolchain that a distribution's cargo may lack. */
const OPTIONAL = new Set(['fmt', 'clippy']);

const LINTS = [
  ['cargo', 'fmt', '--all', '--check'],
  ['npx', '--no-install', 'biome', 'ci', '.'],
  ['npm', 'run', '--silent', 'typecheck'],
  ['cargo', 'clippy', '--locked', '--workspace', '--all-targets', '--', '-D', 'warnings'],
];

/** @param {string[]} command */
function missing([program = '', component = '']) {
  if (program !== 'cargo' || !OPTIONAL.has(component)) return false;
  return spawnSync('cargo', [component, '--version']).status !== 0;
}

function tree() {
  return execFileSync('git', ['status', '--porcelain'], { cwd: ROOT, encoding: 'utf8' });
}

/** @param {string | undefined} part */
async function main(part) {
  if (part !== undefined && part !== 'lint') throw new Error('usage: npm run check [-- lint]');
  await packages();
  const before = tree();
  const failed = [];
  for (const command of part === 'lint' ? LINTS : [...LINTS, ['npm', 'test']]) {
    const [program = '', ...args] = command;
    if (missing(command)) say(`skipped: this toolchain has no cargo ${args[0]}`);
    else if (!(await show(program, args))) failed.push(command.join(' '));
  }
  const after = tree();
  if (after !== before) failed.push(`the run changed files of the repository:\n${after}`);
  if (failed.length > 0) throw new Error(`npm run check: FAILED: ${failed.join('; ')}`);
  console.log('npm run check: passed');
}

main(process.argv[2]).catch((error) => {
  say(error.message);
  process.exitCode = 1;
});
