'use strict';

// Looks at and ends processes by id. Knows nothing of Docker.

const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');

/**
 * A zombie counts as gone.
 * @param {number | undefined} pid
 */
function alive(pid) {
  if (!pid) return false;
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** @param {string} file @returns {number | undefined} */
function readPid(file) {
  try {
    return Number(fs.readFileSync(file, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

/**
 * Polls until `condition` holds; false when the time is over.
 * @param {() => unknown} condition may be async
 * @param {number} limitMs
 */
async function until(condition, limitMs) {
  const end = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > end) return false;
    await sleep(100);
  }
  return true;
}

/**
 * Ends a process: politely first, then by force.
 * @param {number | undefined} pid
 * @param {number} graceMs
 */
async function end(pid, graceMs) {
  if (!pid || !alive(pid)) return;
  signal(pid, 'SIGTERM');
  if (await until(() => !alive(pid), graceMs)) return;
  signal(pid, 'SIGKILL');
  await until(() => !alive(pid), 5000);
}

/** @param {number} pid @param {NodeJS.Signals} name */
function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch {
    // Gone in between.
  }
}

/** Every process: id, parent and command line. */
function list() {
  const found = [];
  for (const entry of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = fs.readFileSync(`/proc/${entry}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      const command = fs.readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
      found.push({ pid: Number(entry), parent, command });
    } catch {
      // Gone in between.
    }
  }
  return found;
}

module.exports = { alive, end, list, readPid, signal, until };
