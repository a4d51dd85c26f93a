'use strict';

// Runs programs for the scripts, and installs Debian packages where the machine lacks them.
// The only place that may change what is installed; says what it installs before it does.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');

/** @param {string} line */
function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Runs a program to its end; a failure is an error that holds what it printed.
 * @param {string} program
 * @param {string[]} args
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 * @returns {string} its stdout
 */
function run(program, args, options = {}) {
  const done = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  if (done.error) throw new Error(`${program} cannot be started: ${done.error.message}`);
  if (done.status === 0) return String(done.stdout);
  const printed = `${done.stdout ?? ''}${done.stderr ?? ''}`.trim().split('\n').slice(-15).join('\n');
  throw new Error(`${program} ${args.join(' ')} ended with ${done.status ?? done.signal}:\n${printed}`);
}

/** @param {string} program */
function has(program) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  return folders.some((folder) => folder !== '' && fs.existsSync(`${folder}/${program}`));
}

/** Why this machine cannot be prepared; undefined where it can. */
function obstacle() {
  if (process.platform !== 'linux') return `this is ${process.platform}, not Linux`;
  if (process.getuid?.() !== 0) return 'this user is not root';
  if (!has('apt-get')) return 'there is no apt-get (only Debian and its relatives can be prepared)';
  return undefined;
}

/**
 * Makes sure of programs, each named with the Debian package that brings it.
 * @param {Record<string, string>} programs program → package
 * @param {string} purpose for the message
 */
function ensure(programs, purpose) {
  const packages = Object.keys(programs)
    .filter((program) => !has(program))
    .map((program) => programs[program]);
  if (packages.length === 0) return;
  const reason = obstacle();
  if (reason) throw new Error(`${purpose} needs the packages ${packages.join(', ')}, and ${reason}`);
  say(`installing ${packages.join(', ')} from Debian (${purpose})`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-q'], { env });
  run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], { env });
}

module.exports = { ensure, has, obstacle, run, say };
