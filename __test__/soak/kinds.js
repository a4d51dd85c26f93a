'use strict';

// The commands of the soak: ended in every way that a command can end.

const assert = require('node:assert/strict');
const { getEventListeners } = require('node:events');

/** @typedef {import('../../index').DockerSandbox} DockerSandbox */

const MIB = 1024 * 1024;

/** Every command's: a listener that is not taken off stays on it. */
const shared = new AbortController();

/**
 * What the n-th command is; most are plain.
 * @type {Array<(sandbox: DockerSandbox, n: number) => Promise<unknown>>}
 */
const KINDS = [
  async (sandbox) => {
    const late = await sandbox.runCommand('sleep 60 & sleep 60', { timeout: 40, signal: shared.signal });
    assert.equal(late.exitCode, 124);
  },
  async (sandbox) => {
    const aborter = new AbortController();
    const running = sandbox.runCommand('echo; sleep 60', {
      signal: aborter.signal,
      onStdout: () => aborter.abort(),
    });
    await assert.rejects(running, { name: 'AbortError' });
    assert.equal(getEventListeners(aborter.signal, 'abort').length, 0);
  },
  async (sandbox) => {
    assert.ok((await sandbox.runCommand('true', { background: true })).pid);
  },
  async (sandbox, n) => {
    await sandbox.filesystem.writeFile('/tmp/soak/file', `${n}`);
    assert.equal((await sandbox.runCommand('cat /tmp/soak/file')).stdout, `${n}`);
    assert.equal(await sandbox.filesystem.readFile('/tmp/soak/file'), `${n}`);
    await assert.rejects(sandbox.filesystem.readFile('/tmp/soak/none'), { code: 'ENOENT' });
  },
  async (sandbox) => {
    let bytes = 0;
    const onStdout = (/** @type {string} */ text) => {
      bytes += text.length;
    };
    await sandbox.runCommand('head -c 1048576 /dev/zero', { onStdout, maxOutputBytes: 1024 });
    assert.equal(bytes, MIB);
  },
  async (sandbox) => {
    assert.equal((await sandbox.runCommand('cat', { stdin: 'x'.repeat(100_000) })).stdout.length, 100_000);
  },
  async (sandbox) => {
    const failing = sandbox.runCommand('echo', {
      onStdout: () => {
        throw new Error('mine');
      },
    });
    await assert.rejects(failing, /mine/);
  },
  async (sandbox) => {
    assert.equal((await sandbox.runCommand('kill -9 $$')).exitCode, 137);
  },
];

/** @param {DockerSandbox} sandbox @param {number} n */
async function command(sandbox, n) {
  const kind = n % 5 === 0 ? KINDS[(n / 5) % KINDS.length] : undefined;
  if (kind) return kind(sandbox, n);
  const { stdout } = await sandbox.runCommand(`echo ${n}`, { signal: shared.signal });
  assert.equal(stdout, `${n}\n`);
}

module.exports = { command, shared };
