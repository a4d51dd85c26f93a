'use strict';

// What a strict sandbox feels of another one whose code takes all that it can get.

const { setTimeout: sleep } = require('node:timers/promises');
const { docker } = require('../..');
const { add, atMost, empty, median, time } = require('../measure');

const RUNS = 60;
/** How long the attack may take to be at its height. */
const PATIENCE = 10_000;

/** @typedef {import('../..').DockerSandbox} DockerSandbox */

const BOMB = `import os
while True:
    try: os.fork()
    except OSError: pass`;
const HOG = 'x = []\nwhile True: x.append(bytearray(2**20))';

/** Each by its name: the command, and whether it is at its height. */
const ATTACKS = {
  'a fork bomb': {
    command: `exec python3 -c '${BOMB}'`,
    rages: async (/** @type {DockerSandbox} */ sandbox) => (await sandbox.metrics()).pids.current >= 1000,
  },
  'a memory hog': {
    command: `while :; do python3 -c '${HOG}'; done`,
    rages: async (/** @type {DockerSandbox} */ sandbox) => {
      const { usedBytes, limitBytes } = (await sandbox.metrics()).memory;
      return usedBytes > limitBytes / 2;
    },
  },
  'a disk filler': {
    command: 'while :; do cat /dev/zero > full; rm full; done',
    rages: (/** @type {DockerSandbox} */ sandbox) => sandbox.filesystem.exists('full'),
  },
};

/** @type {import('../types').Part} */
async function neighbours() {
  const provider = docker({ security: 'strict', runtime: 'python' });
  const rows = Object.keys(ATTACKS).map((name) => empty(`true beside ${name}, both strict`));
  const neighbour = await provider.sandbox.create();
  try {
    for (const [at, { command, rages }] of Object.values(ATTACKS).entries()) {
      const row = rows[at];
      if (!row) continue;
      await look(neighbour, row, 'agent, idle');
      const attacker = await provider.sandbox.create();
      try {
        await attacker.runCommand(command, { background: true });
        const end = Date.now() + PATIENCE;
        while (!(await rages(attacker)) && Date.now() < end) await sleep(50);
        await look(neighbour, row, 'agent');
      } finally {
        await attacker.destroy();
      }
    }
  } finally {
    await neighbour.destroy();
  }
  const targets = rows.map(({ measure, samples }) =>
    atMost(`${measure}, times its idle median`, median(samples.agent) / median(samples['agent, idle']), 3),
  );
  return { rows, targets };
}

/** @param {DockerSandbox} sandbox @param {import('../types').Row} row @param {string} name */
async function look(sandbox, row, name) {
  await sandbox.runCommand('true');
  for (let run = 0; run < RUNS; run += 1) add(row, name, await time(() => sandbox.runCommand('true')));
}

module.exports = { neighbours };
