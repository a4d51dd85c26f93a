// Ties AbortSignals to the addon's cancel tokens. One listener per signal, however many calls wait on it, and it
// goes when the last of them ends: Node warns from eleven listeners on.
'use strict';

const { Cancel } = require('./native.js');
const { AbortError, invalid } = require('./errors.js');

/** @typedef {InstanceType<typeof Cancel>} CancelToken */

/** @type {WeakMap<AbortSignal, { waiting: Set<CancelToken>, listener: () => void }>} */
const watched = new WeakMap();

/** @param {AbortSignal} signal */
function watch(signal) {
  /** @type {Set<CancelToken>} */
  const waiting = new Set();
  const listener = () => {
    for (const token of waiting) token.cancel();
  };
  signal.addEventListener('abort', listener);
  const entry = { waiting, listener };
  watched.set(signal, entry);
  return entry;
}

/** @param {AbortSignal} signal @param {CancelToken} token */
function release(signal, token) {
  const entry = watched.get(signal);
  if (!entry) return;
  entry.waiting.delete(token);
  if (entry.waiting.size > 0) return;
  signal.removeEventListener('abort', entry.listener);
  watched.delete(signal);
}

/**
 * Checks by shape: an `AbortSignal` of another realm is one too.
 * @param {unknown} value
 * @param {string} path
 * @returns {AbortSignal | undefined}
 */
function checkSignal(value, path) {
  if (value === undefined || value === null) return undefined;
  const signal = /** @type {AbortSignal} */ (value);
  if (typeof signal.aborted !== 'boolean' || typeof signal.addEventListener !== 'function') {
    throw invalid(path, `expected an AbortSignal, got ${typeof value}`);
  }
  return signal;
}

/**
 * A token that is cancelled when the signal is aborted, until it is released.
 * @param {AbortSignal} signal
 */
function tie(signal) {
  const token = new Cancel();
  (watched.get(signal) ?? watch(signal)).waiting.add(token);
  return { token, release: () => release(signal, token) };
}

/**
 * Runs `work` with a token that is cancelled when the signal is aborted. A signal that is aborted already rejects
 * before anything is asked of Docker.
 * @template T
 * @param {AbortSignal | undefined} signal
 * @param {(token: CancelToken | undefined) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withSignal(signal, work) {
  if (!signal) return work(undefined);
  if (signal.aborted) throw new AbortError(signal.reason);
  const tied = tie(signal);
  try {
    return await work(tied.token);
  } finally {
    tied.release();
  }
}

module.exports = { checkSignal, tie, withSignal };
