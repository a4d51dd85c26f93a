// Properties that spread, JSON, `Object.keys` and `util.inspect` do not see: where public objects keep what they work
// with. Not private fields and not WeakMaps, which both fail when an object is reached through a Proxy.
'use strict';

/**
 * @template T
 * @typedef {object} Slot
 * @property {(object: object, value: T) => void} set
 * @property {(object: object) => T} get
 */

/**
 * @param {string} name
 * @returns {Slot<any>}
 */
function hiddenSlot(name) {
  const key = Symbol(name);
  return {
    set: (object, value) => {
      Object.defineProperty(object, key, { value });
    },
    get: (object) => /** @type {any} */ (object)[key],
  };
}

module.exports = { hiddenSlot };
