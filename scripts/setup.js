'use strict';

// What must be there before demo, tests and benchmark can run: the npm packages and the built addon.
// Does nothing that is already done. Quiet: a line per step, and a program's own output only when it fails.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { say } = require('./engine/install');

const ROOT = path.join(__dirname, '..');
/** What the addon is built from. */
const SOURCES = ['Cargo.toml', 'Cargo.lock', 'build.rs', 'src', 'crates', 'agents'];

/** Installs the packages of package-lock.json where they are missing or older than it. */
async function packages() {
  const installed = changed(path.join(ROOT, 'node_modules', '.package-lock.json'));
  if (installed && installed >= changed(path.join(ROOT, 'package-lock.json'))) return;
  await step('installing the npm packages', 'npm', ['ci', '--no-audit', '--no-fund']);
}

/** Builds the addon quickly and little optimised, as the Rust tests are built. */
async function devAddon() {
  await step('building the addon', process.execPath, ['scripts/build.js']);
}

/** As `devAddon`, unless a build that is newer than its sources is there, of whichever kind. */
async function anyAddon() {
  const built = fs.readdirSync(ROOT).filter((name) => name.endsWith('.node'));
  const newest = Math.max(0, ...built.map((name) => changed(path.join(ROOT, name))));
  if (newest < Math.max(...SOURCES.map((name) => newestIn(path.join(ROOT, name))))) await devAddon();
}

/** Builds the addon as it is released. */
async function releaseAddon() {
  await step('building the release addon', process.execPath, ['scripts/build.js', '--release']);
}

/** @param {string} file @returns {number} 0 where it does not exist */
function changed(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** @param {string} place @returns {number} */
function newestIn(place) {
  const stat = fs.statSync(place, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return stat?.mtimeMs ?? 0;
  return Math.max(0, ...fs.readdirSync(place).map((name) => newestIn(path.join(place, name))));
}

/**
 * Runs a program to its end, showing one line; two where it takes time.
 * @param {string} title
 * @param {string} program
 * @param {string[]} args
 */
async function step(title, program, args) {
  const began = Date.now();
  const notice = setTimeout(() => say(`${title} (this may take minutes the first time) …`), 2000);
  const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      printed = (printed + text).slice(-20_000);
    });
  }
  const code = await ended(child);
  clearTimeout(notice);
  if (code !== 0) throw new Error(`${title} failed (${program} ${args.join(' ')}):\n${printed}`);
  say(`${title}: ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

/**
 * Runs a program to its end with its output shown as it is.
 * @param {string} program
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<boolean>} whether it succeeded
 */
async function show(program, args, env = process.env) {
  say(`$ ${path.basename(program)} ${args.join(' ')}`);
  return (await ended(spawn(program, args, { cwd: ROOT, stdio: 'inherit', env }))) === 0;
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<number | string>} the exit code, or why there is none
 */
function ended(child) {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      say(error.message);
      resolve(error.message);
    });
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing'));
  });
}

module.exports = { ROOT, anyAddon, devAddon, packages, releaseAddon, show };
