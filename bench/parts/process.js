'use strict';

// What the package costs its process (loading time, memory) and the agent its container. Comes last: the
// agent's memory is read after all the other parts.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const processes = require('../../scripts/engine/process');
const { atMost, median } = require('../measure');

const CHILD = path.join(__dirname, '..', 'child.js');
const ROUNDS = 15;

/** @type {import('../types').Part} */
async function processPart({ boxes }) {
  const loading = { measure: 'require()', unit: 'ms', samples: /** @type {Record<string, number[]>} */ ({}) };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of ['agent', 'dockerode']) {
      loading.samples[name] = [...(loading.samples[name] ?? []), inChild('load', name)];
    }
  }
  const memory = memoryRow(boxes);
  const targets = [atMost('require(), ms', median(loading.samples.agent), 15)];
  const agent = boxes.agent && agentMemory(boxes.agent.id);
  if (!agent) return { rows: [loading, memory], targets };
  const resident = {
    measure: "the agent's resident memory in its container",
    unit: 'MiB',
    samples: { agent: [agent] },
  };
  targets.push(atMost("the agent's resident memory after all of it, MiB", agent, 4));
  return { rows: [loading, memory, resident], targets };
}

/** @param {Record<string, import('../types').Box>} boxes */
function memoryRow(boxes) {
  /** @type {Record<string, number[]>} */
  const samples = {};
  for (const name of ['agent', 'exec', 'dockerode']) {
    const box = boxes[name];
    if (box) samples[name] = [inChild('memory', name, box.id)];
  }
  return { measure: 'memory added to Node by loading and 200 commands', unit: 'MiB', samples };
}

/** @param {string[]} args */
function inChild(...args) {
  return Number(execFileSync(process.execPath, [CHILD, ...args], { encoding: 'utf8' }));
}

/**
 * Seen from outside the container, so only where the engine is on this machine.
 * @param {string} id of the container
 * @returns {number | undefined} MiB
 */
function agentMemory(id) {
  const serving = processes
    .list()
    .filter(({ command }) => command[0] === '/.computesdk/agent' && command[1] === 'serve');
  const ours = serving.filter(({ pid }) => fs.readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(id));
  const sizes = ours.map(
    ({ pid }) => /VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1],
  );
  return sizes.length > 0 ? Math.max(...sizes.map(Number)) / 1024 : undefined;
}

module.exports = { processPart };
