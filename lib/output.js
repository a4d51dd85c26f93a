// Output of a running command on its way to the caller's callbacks, and the texts of the result: with callbacks,
// every piece is a JavaScript string already, so the result is put together from them and crosses only once.
'use strict';

const { AsyncResource } = require('node:async_hooks');

/** @typedef {import('./native').Piece} Piece */
/** @typedef {(text: string) => unknown} Callback */
/** @typedef {{ onStdout?: Callback, onStderr?: Callback }} Callbacks */

/** @param {unknown} value @returns {value is PromiseLike<unknown>} */
function isThenable(value) {
  return value !== null && typeof value === 'object' && 'then' in value && typeof value.then === 'function';
}

/** Takes the pieces of one call. An exception in a callback ends the call, never the process. */
class Output {
  /** @type {Callbacks} */ #callbacks;
  /** @type {() => void} */ #stop;
  /** @type {Set<PromiseLike<unknown>>} */ #pending = new Set();
  /** @type {{ thrown: unknown } | undefined} */ #failure;

  /** @param {Callbacks} callbacks @param {() => void} stop ends the command */
  constructor(callbacks, stop) {
    this.#callbacks = callbacks;
    this.#stop = stop;
    this.stdout = '';
    this.stderr = '';
    this.output = '';
    // The caller's AsyncLocalStorage is in force in the callbacks.
    this.listener = AsyncResource.bind((/** @type {Piece[]} */ pieces) => this.#take(pieces));
  }

  /** @param {Piece[]} pieces */
  #take(pieces) {
    for (const piece of pieces) {
      this.#keep(piece);
      if (!this.#failure) this.#deliver(piece);
    }
  }

  // Appending builds a rope: nothing is copied until the text is looked at.
  /** @param {Piece} piece */
  #keep({ stderr, text, kept }) {
    if (!kept) return;
    if (stderr) this.stderr += text;
    else this.stdout += text;
    this.output += text;
  }

  /** @param {Piece} piece */
  #deliver({ stderr, text }) {
    const callback = stderr ? this.#callbacks.onStderr : this.#callbacks.onStdout;
    try {
      const answer = callback?.(text);
      if (isThenable(answer)) this.#follow(answer);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** @param {PromiseLike<unknown>} answer of a callback that is an async function */
  #follow(answer) {
    /** @type {PromiseLike<unknown>} */
    const done = answer.then(
      () => this.#pending.delete(done),
      (thrown) => {
        this.#pending.delete(done);
        this.#fail(thrown);
      },
    );
    this.#pending.add(done);
  }

  /** @param {unknown} thrown */
  #fail(thrown) {
    if (this.#failure) return;
    this.#failure = { thrown };
    this.#stop();
  }

  /** Waits for callbacks that are still at work, then throws what the first failing one threw. */
  async finish() {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    if (this.#failure) throw this.#failure.thrown;
  }
}

module.exports = { Output };
