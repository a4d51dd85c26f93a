'use strict';

// This package, by its public API, with one of its two kinds of session.

/**
 * @param {'agent' | 'exec'} session the agent's is what users have by default
 * @returns {import('../types').Contender}
 */
function ours(session) {
  const { docker } = require('../..');
  const provider = docker({ session: session === 'agent' ? 'auto' : session, runtime: 'python' });
  return { name: session, create: async () => box(await provider.sandbox.create(), session) };
}

/**
 * @param {import('../..').DockerSandbox} sandbox
 * @param {'agent' | 'exec'} session
 * @returns {import('../types').Box}
 */
function box(sandbox, session) {
  const { filesystem } = sandbox;
  /** @type {import('../types').Box} */
  const made = {
    id: sandbox.sandboxId,
    sandbox,
    run: async (command) => checked(await sandbox.runCommand(command)),
    code: async (source) => checked(await sandbox.runCode(source, 'python')),
    write: (path, content) => filesystem.writeFile(path, content),
    read: (path) => filesystem.readFile(path, { encoding: null }),
    writeLarge: (path, content) => filesystem.writeFile(path, content),
    readLarge: (path) => filesystem.readFile(path, { encoding: null }),
    upload: session === 'agent' ? (from, to) => filesystem.upload(from, to) : undefined,
    download: session === 'agent' ? (from, to) => filesystem.download(from, to) : undefined,
    list: async (path) => (await filesystem.readdir(path)).length,
    exists: (path) => filesystem.exists(path),
    async flow(command, signal) {
      let bytes = 0;
      const onStdout = (/** @type {string} */ text) => {
        bytes += text.length;
      };
      checked(await sandbox.runCommand(command, { onStdout, maxOutputBytes: 1 << 20, signal }));
      return bytes;
    },
    destroy: () => sandbox.destroy(),
  };
  return made;
}

/** @param {import('../..').ExecutionResult} result */
function checked({ exitCode, stdout, stderr }) {
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stderr}`);
  return stdout;
}

module.exports = { ours };
