// `sandbox.spawn`.
'use strict';

const { spawnArguments } = require('./arguments.js');
const { SandboxProcess } = require('./process.js');
const { started } = require('./start.js');

/**
 * @param {import('../native').NativeSandbox} sandbox
 * @param {string} command
 * @param {unknown[]} rest args and options, each optional
 * @param {import('../call').CallSite} site
 */
async function spawn(sandbox, command, rest, site) {
  const { args, run } = spawnArguments(rest);
  const { handle, ended } = await started((extras) => sandbox.spawn(command, args, extras), run, site);
  const owned = { sandboxId: sandbox.facts().id, signal: run.signal, ended };
  return new SandboxProcess(handle, owned, { site, stdin: 'pipe' });
}

module.exports = { spawn };
