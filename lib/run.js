// One run, of a command or of code: signal, callbacks, and the result object that callers get.
'use strict';

const { Cancel } = require('./native.js');
const { settle } = require('./call.js');
const { Output } = require('./output.js');
const { withSignal } = require('./signals.js');

/** @typedef {import('./call').CallSite} CallSite */
/** @typedef {import('./native').RunResult} RunResult */
/** @typedef {import('./arguments').CheckedRun} CheckedRun */

/**
 * @callback Start
 * @param {import('./native').RunExtras} extras
 * @returns {Promise<import('./native').Outcome<RunResult>>}
 */

/** @param {Start} start @param {CheckedRun} run @param {CallSite} site @returns {Promise<RunResult>} */
function plainRun(start, run, site) {
  return withSignal(run.signal, (cancel) =>
    settle(start({ options: run.options, cancel }), site, run.signal),
  );
}

/** @param {Start} start @param {CheckedRun} run @param {CallSite} site @returns {Promise<RunResult>} */
function watchedRun(start, run, site) {
  return withSignal(run.signal, async (signalled) => {
    const cancel = signalled ?? new Cancel();
    const output = new Output(run, () => cancel.cancel());
    const pending = settle(
      start({ options: run.options, cancel, listener: output.listener }),
      site,
      run.signal,
    );
    // A callback's own exception outranks the abort that it set off.
    const result = await pending.catch(async (error) => {
      await output.finish();
      throw error;
    });
    await output.finish();
    const { stdout, stderr, output: both } = output;
    return { stdout, stderr, output: both, ...result };
  });
}

/** @param {Start} start @param {CheckedRun} run @param {CallSite} site @returns {Promise<RunResult>} */
function runWith(start, run, site) {
  return run.onStdout || run.onStderr ? watchedRun(start, run, site) : plainRun(start, run, site);
}

/**
 * The fields that every result has, and those that say something out of the ordinary.
 * @param {RunResult} result
 * @param {string} sandboxId
 */
function executionResult(result, sandboxId) {
  const { stdout = '', stderr = '', exitCode, durationMs, truncated, stdoutBytes, stderrBytes, pid } = result;
  return {
    stdout,
    stderr,
    exitCode,
    executionTime: durationMs,
    durationMs,
    sandboxId,
    provider: 'docker',
    ...(truncated && { truncated: true, stdoutBytes, stderrBytes }),
    ...(result.timedOut && { timedOut: true }),
    ...(pid !== undefined && { isBackground: true, pid }),
  };
}

module.exports = { executionResult, runWith };
