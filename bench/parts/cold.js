'use strict';

// What a fresh process, as a serverless function is one, waits for its first sandbox: loading and create, and how much
// of that the engine has no part in. Only where the engine is reached by a unix socket, which the clock stands before.

const { execFile } = require('node:child_process');
const path = require('node:path');
const { promisify } = require('node:util');
const { request } = require('../../scripts/engine/api');
const { engineClock } = require('../engine-clock');
const { add, atMost, empty, median, turned } = require('../measure');

const CHILD = path.join(__dirname, '..', 'child.js');
const ROUNDS = 12;
const UNIX = 'unix://';

/** @type {import('../types').Part} */
async function cold({ host }) {
  if (!host.startsWith(UNIX)) return { rows: [], targets: [] };
  const clock = await engineClock(host.slice(UNIX.length));
  /** @type {Record<'whole' | 'own', import('../types').Row>} */
  const rows = {
    whole: empty('a fresh process, from import to its first sandbox'),
    own: empty('of that, while the engine had nothing to do'),
  };
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const name of turned(['agent', 'dockerode'], round)) {
        const { from, to, id } = await inChild(name, clock.host);
        add(rows.whole, name, Number(to - from) / 1e6);
        add(rows.own, name, clock.ownTime({ from, to }));
        await request(host, `/containers/${id}?force=true&v=true`, { method: 'DELETE' });
      }
    }
  } finally {
    clock.close();
  }
  const own = median(rows.own.samples.agent);
  return { rows: Object.values(rows), targets: [atMost('import to first sandbox, ms of our own', own, 20)] };
}

/**
 * @param {string} name
 * @param {string} host
 */
async function inChild(name, host) {
  const env = { ...process.env, DOCKER_HOST: host };
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, 'cold', name], { env });
  const { from, to, id } = JSON.parse(stdout);
  return { from: BigInt(from), to: BigInt(to), id };
}

module.exports = { cold };
