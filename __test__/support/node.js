'use strict';

// Runs a piece of JavaScript in a Node process of its own, with the package as `sdk` unless `bare`.

const { spawn } = require('node:child_process');
const path = require('node:path');

const root = path.join(__dirname, '..', '..');
const PROLOGUE = `const sdk = require(${JSON.stringify(path.join(root, 'index.js'))});\n`;

/** Ends a child that hangs; far above what any script here needs. */
const LIMIT = 120_000;

/**
 * @typedef {object} Ended
 * @property {string} stdout
 * @property {string} stderr
 * @property {number | null} code
 * @property {NodeJS.Signals | null} signal `SIGKILL` also where it did not end by itself
 */

/**
 * @param {string} script
 * @param {{ env?: Record<string, string>, argv?: string[], flags?: string[], bare?: boolean }} [options]
 * @returns {Promise<Ended>}
 */
function runNode(script, { env = {}, argv = [], flags = [], bare = false } = {}) {
  const child = spawn(process.execPath, [...flags, '-e', (bare ? '' : PROLOGUE) + script, '--', ...argv], {
    cwd: root,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ stdout, stderr, code, signal });
    });
  });
}

module.exports = { runNode };
