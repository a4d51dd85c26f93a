// `filesystem.watch`: hands on what the addon hears, one event after another.
'use strict';

const { checkBoolean, checkFunction, checkOptions } = require('./arguments.js');
const { settle } = require('./call.js');
const { join } = require('./paths.js');
const { checkSignal, withSignal } = require('./signals.js');

/** @typedef {import('./native').NativeSandbox} NativeSandbox */
/** @typedef {import('./native').NativeWatch} NativeWatch */
/** @typedef {import('./call').CallSite} CallSite */
/** @typedef {(event: import('../index').WatchEvent) => unknown} OnEvent */

const OPTIONS = { recursive: checkBoolean, signal: checkSignal };

/** Until it is closed, or nothing more can come. @param {NativeWatch} source @param {OnEvent} tell @param {CallSite} site */
async function handOn(source, tell, site) {
  try {
    for (;;) {
      const events = await settle(source.next(), site);
      if (events === null) return;
      for (const event of events) {
        if (source.isClosed()) return;
        await tell(event);
      }
    }
  } finally {
    source.close();
  }
}

/** @param {NativeSandbox} sandbox @param {string} path @param {unknown[]} rest @param {CallSite} site */
async function watch(sandbox, path, rest, site) {
  const [options, onEvent] = typeof rest[0] === 'function' ? [undefined, rest[0]] : rest;
  const { recursive = false, signal } = checkOptions(options, OPTIONS);
  checkFunction(onEvent, 'onEvent');
  const source = await withSignal(signal, (cancel) =>
    settle(sandbox.watch(path, recursive, cancel), site, signal),
  );
  const tell = /** @type {OnEvent} */ (onEvent);
  const ended = handOn(source, (event) => tell({ ...event, path: join(path, event.path) }), site);
  const close = async () => source.close();
  const abort = () => source.close();
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  const closed = ended.finally(() => signal?.removeEventListener('abort', abort));
  // Whoever wants to know why it ended awaits `closed`; nobody has to.
  closed.catch(() => {});
  return { close, closed, [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]: close };
}

module.exports = { watch };
