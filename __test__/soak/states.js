'use strict';

// What the soak costs on either side: this process, and the processes in the containers, which this machine sees where
// the engine runs on it.

const { getEventListeners } = require('node:events');
const fs = require('node:fs');
const { list } = require('../../scripts/engine/process');
const { shared } = require('./kinds.js');

/** @typedef {{ pid: number, command: string, resident: number, descriptors: number }} Agent */

/** @param {number} pid */
function descriptors(pid) {
  return fs.readdirSync(`/proc/${pid}/fd`).length;
}

async function hostState() {
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    global.gc?.();
  }
  const { rss, heapUsed } = process.memoryUsage();
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  const onSignal = getEventListeners(shared.signal, 'abort').length;
  return { descriptors: descriptors(process.pid), listeners, onSignal, rss, heapUsed };
}

/** @param {number} pid @param {string} file */
function proc(pid, file) {
  try {
    return fs.readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/**
 * The agents' processes and all others in the containers.
 * @param {string[]} ids
 */
function inside(ids) {
  const found = list().filter(({ pid }) => {
    const groups = proc(pid, 'cgroup');
    return ids.some((id) => groups.includes(id));
  });
  const isAgent = (/** @type {{ command: string[] }} */ { command: [program] }) =>
    program === '/.computesdk/agent';
  return { agents: found.filter(isAgent).map(agent), others: found.filter((entry) => !isAgent(entry)) };
}

/** @param {{ pid: number, command: string[] }} entry @returns {Agent} */
function agent({ pid, command }) {
  return { pid, command: command.join(' ').trim(), ...cost(pid) };
}

/** Nothing for a process that has gone. @param {number} pid */
function cost(pid) {
  const resident = Number(/VmRSS:\s+(\d+) kB/.exec(proc(pid, 'status'))?.[1] ?? 0) * 1024;
  return { resident, descriptors: fs.existsSync(`/proc/${pid}/fd`) ? descriptors(pid) : 0 };
}

module.exports = { cost, descriptors, hostState, inside };
