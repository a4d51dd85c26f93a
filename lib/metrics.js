// `sandbox.metrics()`: one measurement where it is awaited, one after another in `for await`.
'use strict';

const { setTimeout: sleep } = require('node:timers/promises');

const { checkNumber, checkObject, unknownKey } = require('./arguments.js');
const { invalid } = require('./errors.js');
const { checkSignal } = require('./signals.js');

/** @typedef {import('./native').Metrics} NativeMetrics */

const USUAL_INTERVAL = 1000;
const KEYS = ['interval', 'signal'];
/** The sandbox has gone, or stopped: there is nothing more to measure. */
const ENDS = new Set(['ERR_SANDBOX_NOT_FOUND', 'ERR_SANDBOX_STOPPED']);

/** @param {unknown} given */
function checkMetricsOptions(given) {
  const options = given ?? {};
  checkObject(options, 'options');
  const unknown = Object.keys(options).find((key) => !KEYS.includes(key));
  if (unknown) throw unknownKey('options', unknown, KEYS);
  const { interval = USUAL_INTERVAL, signal } = options;
  checkNumber(interval, 'options.interval');
  if (interval < 0) throw invalid('options.interval', `expected a number of milliseconds, got ${interval}`);
  return { interval, signal: checkSignal(signal, 'options.signal') };
}

/** @param {NativeMetrics} measured */
function metricsOf(measured) {
  return {
    timestamp: new Date(),
    cpu: { percent: measured.cpuPercent, timeMs: measured.cpuMs, limit: measured.cpuLimit },
    memory: { usedBytes: measured.memoryUsed, limitBytes: measured.memoryLimit },
    network: { receivedBytes: measured.received, sentBytes: measured.sent },
    pids: { current: measured.pids, limit: measured.pidsLimit ?? null },
  };
}

/**
 * @param {() => Promise<NativeMetrics>} measure
 * @param {Promise<ReturnType<typeof metricsOf>>} first
 * @param {ReturnType<typeof checkMetricsOptions>} options
 */
async function* series(measure, first, { interval, signal }) {
  yield await first;
  for (;;) {
    // An aborted signal ends the loop; it is no failure.
    if (!(await sleep(interval, true, { signal }).catch(() => false))) return;
    try {
      yield metricsOf(await measure());
    } catch (error) {
      if (ENDS.has(/** @type {any} */ (error)?.code)) return;
      throw error;
    }
  }
}

/**
 * A promise that can be iterated, too.
 * @param {() => Promise<NativeMetrics>} measure
 * @param {unknown} given options
 */
function metrics(measure, given) {
  const options = (async () => checkMetricsOptions(given))();
  const first = options.then(measure).then(metricsOf);
  return Object.assign(first, {
    [Symbol.asyncIterator]: async function* () {
      yield* series(measure, first, await options);
    },
  });
}

module.exports = { metrics };
