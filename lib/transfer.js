// Uploads and downloads: drives the addon's transfer to its end and tells how far it is.
'use strict';

const { checkFunction, checkOptions } = require('./arguments.js');
const { settle } = require('./call.js');
const { checkSignal, withSignal } = require('./signals.js');

/** @typedef {import('./native').NativeTransfer} NativeTransfer */
/** @typedef {import('./call').CallSite} CallSite */

const OPTIONS = { onProgress: checkFunction, signal: checkSignal };

/**
 * @param {() => NativeTransfer} begin
 * @param {unknown} options
 * @param {CallSite} site
 * @returns {Promise<import('../index').TransferResult>}
 */
async function transfer(begin, options, site) {
  const { onProgress, signal } = checkOptions(options, OPTIONS);
  return withSignal(signal, async (cancel) => {
    const moving = begin();
    try {
      for (;;) {
        const { done, bytes, totalBytes, files, skipped } = await settle(moving.next(cancel), site, signal);
        if (totalBytes !== undefined) onProgress?.({ bytes, totalBytes, files });
        if (done) return { files, bytes, skipped };
      }
    } finally {
      // A callback may have thrown.
      moving.close();
    }
  });
}

module.exports = { transfer };
