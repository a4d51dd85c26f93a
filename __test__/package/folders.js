'use strict';

// Fresh projects outside the repository, so that nothing of it resolves by accident.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

/** @param {string} name @returns {string} an empty folder */
function freshFolder(name) {
  return fs.mkdtempSync(path.join(os.tmpdir(), `computesdk-package-${name}-`));
}

/** @param {string} folder @param {Record<string, string>} files */
function fill(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
}

/**
 * Runs a program to its end.
 * @param {string[]} command
 * @param {{ cwd: string, env?: Record<string, string | undefined> }} options
 * @returns {Promise<{ code: number | null, stdout: string, stderr: string }>}
 */
function run([program = '', ...args], { cwd, env = {} }) {
  const child = spawn(program, args, {
    cwd,
    // Of the test runner and of `npm run`: neither is any business of a fresh project.
    env: { ...withoutNpm(process.env), NODE_TEST_CONTEXT: undefined, CI: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** @param {NodeJS.ProcessEnv} env */
function withoutNpm(env) {
  return Object.fromEntries(Object.entries(env).filter(([key]) => !/^npm_/i.test(key)));
}

/** Runs a program that must succeed. @param {string[]} command @param {Parameters<typeof run>[1]} options */
async function mustRun(command, options) {
  const ended = await run(command, options);
  if (ended.code === 0) return ended;
  const printed = `${ended.stdout}${ended.stderr}`.slice(-8000);
  throw new Error(`${command.join(' ')} ended with ${ended.code} in ${options.cwd}:\n${printed}`);
}

/** Bytes of all files in a folder. @param {string} folder @returns {number} */
function weight(folder) {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + fs.statSync(path.join(entry.parentPath, entry.name)).size, 0);
}

module.exports = { fill, freshFolder, mustRun, run, weight };
