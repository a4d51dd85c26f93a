'use strict';

// Bounded memory: a gigabyte of output passes through both sides without staying in either.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { exec, processesWith } = require('./support/docker.js');
const { runNode } = require('./support/node.js');
const { SUITE_TIMEOUT, shareSandbox } = require('./support/sandboxes.js');
const { sleep } = require('./support/wait.js');

const MIB = 1024 * 1024;

const FLOOD = `
  (async () => {
    const sandbox = await sdk.docker({ session: 'agent' }).sandbox.getById(process.argv[1]);
    let bytes = 0;
    const run = (size) => sandbox.runCommand('head -c ' + size + ' /dev/zero', {
      maxOutputBytes: 1024 * 1024,
      onStdout: (text) => { bytes += text.length; },
    });
    await run(32 * 1024 * 1024); // So that the first growth of the heap is not counted.
    globalThis.gc();
    const before = process.memoryUsage.rss();
    let peak = 0;
    const watch = setInterval(() => { peak = Math.max(peak, process.memoryUsage.rss()); }, 20);
    bytes = 0;
    const result = await run(1024 * 1024 * 1024);
    clearInterval(watch);
    const { truncated, stdoutBytes } = result;
    console.log(JSON.stringify({ bytes, grown: peak - before, truncated, stdoutBytes, kept: result.stdout.length }));
  })();`;

describe('a gigabyte of output', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({ session: 'agent' });

  it('grows neither the Node process nor the agent', { timeout: 240_000 }, async () => {
    const flags = ['--expose-gc'];
    const running = runNode(FLOOD, { argv: [shared.id], flags });
    let agentPeak = 0;
    let over = false;
    const watching = (async () => {
      while (!over) {
        agentPeak = Math.max(agentPeak, await agentResident(shared.id));
        await sleep(500);
      }
    })();
    const ended = await running.finally(() => {
      over = true;
    });
    await watching;
    assert.equal(ended.code, 0, ended.stderr);
    const told = JSON.parse(ended.stdout);
    assert.equal(told.bytes, 1024 * MIB);
    assert.equal(told.stdoutBytes, 1024 * MIB);
    assert.equal(told.truncated, true);
    assert.equal(told.kept, MIB);
    assert.ok(told.grown < 64 * MIB, `Node grew by ${Math.round(told.grown / MIB)} MiB`);
    assert.ok(agentPeak > 0 && agentPeak < 8 * MIB, `the agent took ${agentPeak} bytes`);
  });
});

/** @param {string} id @returns {Promise<number>} the largest agent's, bytes */
async function agentResident(id) {
  const agents = await processesWith(id, 'agent serve');
  let largest = 0;
  for (const { pid } of agents) {
    const { stdout } = await exec(id, ['cat', `/proc/${pid}/status`]);
    largest = Math.max(largest, Number(/VmRSS:\s+(\d+) kB/.exec(stdout)?.[1] ?? 0) * 1024);
  }
  return largest;
}
