'use strict';

// What a command costs: alone, many one after another, many at once, and beside a stream that runs flat out.

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { atLeast, atMost, compare, median, percentile, ratio, time } = require('../measure');

/** @type {import('../types').Part} */
async function commands(context) {
  const { boxes } = context;
  const alone = await compare('runCommand("true")', boxes, (box) => box.run('true'), {
    blocks: 8,
    perBlock: 10,
  });
  const native = await nativeRow(boxes);
  const bursts = await burstRows(boxes);
  const outcome = { rows: [alone, native, ...bursts], targets: [] };
  if (!boxes.agent) return outcome;
  const serial = await serialRow(boxes.agent);
  const flood = await floodRow(boxes.agent);
  return {
    rows: [...outcome.rows, serial, flood],
    targets: targets({ alone, native, bursts, serial, flood }),
  };
}

/**
 * A process with pipes, without Docker, in turns with the agent.
 * @param {import('../types').Context['boxes']} boxes
 */
function nativeRow(boxes) {
  /** @type {Record<string, () => Promise<unknown>>} */
  const subjects = { native: spawnTrue };
  const { agent } = boxes;
  if (agent) subjects.agent = () => agent.run('true');
  return compare('true, beside a native spawn of /bin/true', subjects, (work) => work(), {
    blocks: 10,
    perBlock: 50,
  });
}

async function spawnTrue() {
  const child = spawn('/bin/true', { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdout.resume();
  child.stderr.resume();
  await once(child, 'close');
}

/** @param {import('../types').Context['boxes']} boxes */
async function burstRows(boxes) {
  const rows = [];
  for (const count of [50, 100]) {
    const burst = (/** @type {import('../types').Box} */ box) =>
      Promise.all(Array.from({ length: count }, () => box.run('true')));
    rows.push(
      await compare(`${count} commands at once`, boxes, burst, { blocks: 2, perBlock: 1, warmUps: 0 }),
    );
  }
  return rows;
}

/** @param {import('../types').Box} agent */
function serialRow(agent) {
  return compare('1,000 commands, one after another', { agent }, (box) => box.run('true'), {
    blocks: 1,
    perBlock: 1000,
  });
}

/** @param {import('../types').Box} agent */
async function floodRow(agent) {
  const idle = await compare('', { agent }, (box) => box.run('true'), { blocks: 1, perBlock: 200 });
  const stop = new AbortController();
  const flood = agent.flow('exec cat /dev/zero', stop.signal).catch(() => 0);
  await agent.run('sleep 0.3');
  const busy = [];
  for (let run = 0; run < 200; run += 1) busy.push(await time(() => agent.run('true')));
  stop.abort();
  await flood;
  return {
    measure: 'true while another command streams flat out',
    unit: 'ms',
    samples: { 'agent, idle': idle.samples.agent ?? [], agent: busy },
  };
}

/**
 * @param {Record<'alone' | 'native' | 'serial' | 'flood', import('../types').Row> & { bursts: import('../types').Row[] }} rows
 */
function targets({ alone, native, bursts, serial, flood }) {
  const [, hundred] = bursts;
  const p99 = percentile(serial.samples.agent, 0.99) / median(serial.samples.agent);
  return [
    atLeast('runCommand("true"), times faster than dockerode', ratio(alone, 'dockerode', 'agent'), 30),
    atMost('runCommand("true"), times a native spawn', ratio(native, 'agent', 'native'), 2),
    atMost('p99 of 1,000 commands, times the median', p99, 4),
    ...(hundred
      ? [
          atLeast(
            '100 commands at once, times faster than dockerode',
            ratio(hundred, 'dockerode', 'agent'),
            50,
          ),
        ]
      : []),
    atMost('true during a flood, times its idle median', ratio(flood, 'agent', 'agent, idle'), 3),
  ];
}

module.exports = { commands };
