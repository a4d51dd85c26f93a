'use strict';

// What a lot of output costs, and whether the event loop stays free meanwhile.

const { monitorEventLoopDelay } = require('node:perf_hooks');
const { atMost, compare, ratio } = require('../measure');

const BYTES = 200 * 1024 * 1024;
const COMMAND = `head -c ${BYTES} /dev/zero`;

/** @type {import('../types').Part} */
async function output({ boxes }) {
  const row = await compare('200 MiB of stdout', boxes, flow, { blocks: 7, perBlock: 1, warmUps: 1 });
  const delays = await loopDelays(boxes);
  if (!boxes.agent) return { rows: [row, delays], targets: [] };
  const delay = delays.samples.agent?.[0] ?? Number.NaN;
  return {
    rows: [row, delays],
    targets: [
      atMost('200 MiB of stdout, times dockerode', ratio(row, 'agent', 'dockerode'), 1.1),
      atMost('event loop delay during 200 MiB, p99 in ms', delay, 20),
    ],
  };
}

/** @param {import('../types').Box} box */
async function flow(box) {
  const bytes = await box.flow(COMMAND);
  if (bytes !== BYTES) throw new Error(`${bytes} bytes of ${BYTES} arrived`);
}

/** @param {Record<string, import('../types').Box>} boxes */
async function loopDelays(boxes) {
  /** @type {Record<string, number[]>} */
  const samples = {};
  for (const [name, box] of Object.entries(boxes)) {
    const histogram = monitorEventLoopDelay({ resolution: 1 });
    histogram.enable();
    await flow(box);
    histogram.disable();
    samples[name] = [histogram.percentile(99) / 1e6];
  }
  return { measure: 'event loop delay during 200 MiB, p99', unit: 'ms', samples };
}

module.exports = { output };
