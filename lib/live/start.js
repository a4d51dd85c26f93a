// Starts what `spawn` and `terminal.create` ask for: the signal is watched until the process has ended.
'use strict';

const { settle } = require('../call.js');
const { AbortError } = require('../errors.js');
const { tie } = require('../signals.js');

/** @typedef {import('../native').NativeProcess} NativeProcess */
/** @typedef {import('../arguments').CheckedRun} CheckedRun */

/**
 * @param {(extras: import('../native').LiveExtras) => Promise<import('../native').Outcome<NativeProcess>>} start
 * @param {CheckedRun} run
 * @param {import('../call').CallSite} site
 */
async function started(start, { options, signal }, site) {
  if (signal?.aborted) throw new AbortError(signal.reason);
  const tied = signal && tie(signal);
  try {
    const handle = await settle(start({ options, cancel: tied?.token }), site, signal);
    return { handle, ended: tied?.release };
  } catch (error) {
    tied?.release();
    throw error;
  }
}

module.exports = { started };
