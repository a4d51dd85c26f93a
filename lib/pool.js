// `provider.pool`: the sandboxes that are started before anybody asks.
'use strict';

const { callSite, settle } = require('./call.js');
const { hiddenSlot } = require('./hidden.js');

/** @typedef {import('./native').NativeProvider} NativeProvider */

/** @type {import('./hidden').Slot<NativeProvider>} */
const native = hiddenSlot('native');

const NONE = { waiting: 0, starting: 0, handedOut: 0, hits: 0, misses: 0 };

class DockerPool {
  /** @param {NativeProvider} handle */
  constructor(handle) {
    native.set(this, handle);
  }

  stats() {
    return native.get(this).poolStats() ?? NONE;
  }

  async drain() {
    await settle(native.get(this).drainPool(), callSite(this.drain));
  }

  async close() {
    await settle(native.get(this).closePool(), callSite(this.close));
  }
}

module.exports = { DockerPool };
