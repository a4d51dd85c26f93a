// Whether commands reach a sandbox by the agent: a sandbox is made, runs a command, and is gone.
'use strict';

const { PATIENCE, note, ok, problem, warning } = require('./finding.js');

/** @typedef {import('./finding').Finding} Finding */

/**
 * @param {(config: object) => import('../provider').DockerProvider} docker
 * @param {string | undefined} image one that is there
 * @returns {Promise<Finding>} rejects where the engine stops answering
 */
async function checkAgent(docker, image) {
  if (!image) return note('agent', 'not tried: none of the default images is there to make a sandbox from');
  const runtime = image.startsWith('node') ? 'node' : 'python';
  try {
    const provider = docker({ runtime, image: { name: image, pullPolicy: 'never' } });
    const sandbox = await provider.sandbox.create({ metadata: { doctor: true } });
    try {
      return await tried(sandbox);
    } finally {
      await sandbox.destroy();
    }
  } catch (error) {
    const { code, message } = /** @type {any} */ (error);
    if (code === 'ERR_DOCKER_UNREACHABLE') throw error;
    return problem(
      'agent',
      `a sandbox of ${image} does not work: ${message}`,
      `try docker run --rm ${image} true`,
    );
  }
}

/** @param {import('../sandbox').DockerSandbox} sandbox @returns {Promise<Finding>} */
async function tried(sandbox) {
  let result = await sandbox.runCommand('true', { timeout: PATIENCE });
  // The first one opened the session; it is the second that tells how long a command takes.
  if (result.exitCode === 0) result = await sandbox.runCommand('true', { timeout: PATIENCE });
  const { executionTime, exitCode, timedOut } = result;
  if (exitCode !== 0) {
    return problem('agent', timedOut ? `true took more than ${PATIENCE} ms` : `true ended with ${exitCode}`);
  }
  const { session, sessionReason } = (await sandbox.getInfo()).metadata;
  const took = `a command took ${executionTime.toFixed(1)} ms`;
  if (session === 'agent') return ok('agent', `runs there: ${took}`);
  return warning(
    'agent',
    `does not run there (${sessionReason}); by docker exec ${took}`,
    'slower, else the same',
  );
}

module.exports = { checkAgent };
