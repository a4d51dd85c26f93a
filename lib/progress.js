// `image.onPullProgress`: the progress of a pull on its way to the caller's callback. An exception in it ends the
// `create` that waits for the pull, never the process.
'use strict';

const { AsyncResource } = require('node:async_hooks');

const { checkFunction } = require('./arguments.js');

/** @typedef {import('../index').PullProgress} PullProgress */
/** @typedef {(progress: PullProgress) => unknown} OnPullProgress */

/**
 * The config without its callback, which is no data and so does not cross with the rest.
 * @param {any} config
 * @returns {{ data: any, onPullProgress?: OnPullProgress }}
 */
function withoutCallback(config) {
  const image = config?.image;
  if (image === null || typeof image !== 'object' || image.onPullProgress === undefined)
    return { data: config };
  const { onPullProgress, ...rest } = image;
  checkFunction(onPullProgress, 'image.onPullProgress');
  return { data: { ...config, image: rest }, onPullProgress };
}

class PullWatch {
  /** @type {OnPullProgress} */ #callback;
  /** @type {() => void} */ #stop;
  /** @type {Promise<void>[]} */ #pending = [];
  /** @type {{ thrown: unknown } | undefined} */ #failure;

  /** @param {OnPullProgress} callback @param {() => void} stop ends the create */
  constructor(callback, stop) {
    this.#callback = callback;
    this.#stop = stop;
    // The caller's AsyncLocalStorage is in force in the callback.
    this.listener = AsyncResource.bind((/** @type {PullProgress[]} */ lines) => {
      for (const line of lines) this.#deliver(line);
    });
  }

  /** @param {PullProgress} line */
  #deliver(line) {
    if (this.#failure) return;
    try {
      const answer = this.#callback(line);
      // An async callback is waited for at the end; until then its rejection is heard.
      if (answer && typeof (/** @type {any} */ (answer).then) === 'function') {
        this.#pending.push(
          Promise.resolve(answer).then(
            () => undefined,
            (thrown) => this.#fail(thrown),
          ),
        );
      }
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** @param {unknown} thrown */
  #fail(thrown) {
    if (this.#failure) return;
    this.#failure = { thrown };
    this.#stop();
  }

  /** Waits for callbacks that are still at work, then throws what the first failing one threw. */
  async finish() {
    await Promise.all(this.#pending);
    if (this.#failure) throw this.#failure.thrown;
  }
}

module.exports = { PullWatch, withoutCallback };
