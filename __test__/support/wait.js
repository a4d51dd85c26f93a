'use strict';

// Waiting for something to become true, and for a promise no longer than is sensible.

const assert = require('node:assert/strict');
const { setTimeout: sleep } = require('node:timers/promises');

/**
 * Polls until `condition` answers something truthy, and answers that.
 * @template T
 * @param {() => T | Promise<T>} condition
 * @param {string} what is waited for, for the failure's message
 * @param {number} [limitMs]
 * @returns {Promise<T>}
 */
async function until(condition, what, limitMs = 20_000) {
  const end = Date.now() + limitMs;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (Date.now() > end) assert.fail(`not within ${limitMs} ms: ${what}`);
    await sleep(50);
  }
}

/**
 * The promise's own outcome, or a failure where it takes longer than a bounded call may.
 * @template T
 * @param {Promise<T>} promise
 * @param {string} what
 * @param {number} [limitMs]
 * @returns {Promise<T>}
 */
async function within(promise, what, limitMs = 30_000) {
  const timer = new AbortController();
  const late = sleep(limitMs, undefined, { signal: timer.signal }).then(() =>
    assert.fail(`${what} took longer than ${limitMs} ms`),
  );
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}

/**
 * What a promise rejects with.
 * @param {Promise<unknown>} promise
 * @returns {Promise<any>}
 */
async function rejection(promise) {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  );
  if ('error' in outcome) return outcome.error;
  return assert.fail(`expected a rejection, got ${JSON.stringify(outcome.value)?.slice(0, 500)}`);
}

/**
 * What several promises reject with, in their order. Each is waited for from the beginning: one that rejects while
 * another is still waited for would count as unhandled.
 * @param {Promise<unknown>[]} promises
 * @returns {Promise<any[]>}
 */
function rejections(promises) {
  return Promise.all(promises.map(rejection));
}

/** A callback that counts its calls. */
function counter() {
  const counted = {
    calls: 0,
    count: () => {
      counted.calls += 1;
    },
  };
  return counted;
}

module.exports = { counter, rejection, rejections, sleep, until, within };
