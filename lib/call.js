// Waits for a call into the addon; what failed there becomes an error whose stack names the caller's line.
'use strict';

const { fromFailure } = require('./errors.js');

/**
 * Where a public method was called from. V8 keeps the frames and writes the text only when `stack` is read, so
 * taking it costs a microsecond or two.
 * @typedef {{ stack?: string }} CallSite
 */

/**
 * @param {Function} method the public method; its own frame and those above it are left out
 * @returns {CallSite}
 */
function callSite(method) {
  const site = {};
  Error.captureStackTrace?.(site, method);
  return site;
}

/** @param {Error} error @param {CallSite} site */
function place(error, site) {
  const frames = site.stack?.slice(site.stack.indexOf('\n'));
  if (frames?.startsWith('\n')) error.stack = `${error.name}: ${error.message}${frames}`;
  return error;
}

/**
 * @template T
 * @param {import('./native').Outcome<T>} outcome
 * @param {CallSite} site
 * @param {AbortSignal} [signal]
 * @returns {T}
 */
function unwrap(outcome, site, signal) {
  if (outcome.failure) throw place(fromFailure(outcome.failure, signal?.reason), site);
  return /** @type {T} */ (outcome.value);
}

/**
 * @template T
 * @param {Promise<import('./native').Outcome<T>>} pending
 * @param {CallSite} site
 * @param {AbortSignal} [signal]
 */
async function settle(pending, site, signal) {
  return unwrap(await pending, site, signal);
}

module.exports = { callSite, place, settle, unwrap };
