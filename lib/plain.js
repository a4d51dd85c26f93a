// Turns what a caller passed into JSON text, the form in which objects cross into the addon: every integer up to
// 2^53 arrives exact there, and complaints name the path. What JSON would drop or change silently is refused.
'use strict';

const { types } = require('node:util');

const { invalid } = require('./errors.js');

/** @param {string} path @param {string} key */
function join(path, key) {
  const at = /^\d+$/.test(key) ? `[${key}]` : key;
  return path === '' || at.startsWith('[') ? path + at : `${path}.${at}`;
}

/** @param {Uint8Array} bytes */
function text(bytes) {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

/** @param {object} value @param {string} path @param {object[]} parents */
function plainObject(value, path, parents) {
  if (parents.includes(value)) throw invalid(path, 'refers back to an object that holds it');
  const within = [...parents, value];
  if (Array.isArray(value)) return value.map((item, at) => plain(item, `${path}[${at}]`, within));
  /** @type {Record<string, unknown>} */
  const copy = {};
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) copy[key] = plain(item, join(path, key), within);
  }
  return copy;
}

/**
 * @param {unknown} value
 * @param {string} path
 * @param {object[]} parents
 * @returns {unknown}
 */
function plain(value, path, parents) {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw invalid(path, `expected a finite number, got ${value}`);
      return value;
    case 'bigint':
      if (!Number.isSafeInteger(Number(value))) throw invalid(path, `${value} is too large`);
      return Number(value);
    case 'object':
      if (value === null) return value;
      if (types.isDate(value)) return value.toISOString();
      if (ArrayBuffer.isView(value)) return text(/** @type {Uint8Array} */ (value));
      return plainObject(value, path, parents);
    default:
      throw invalid(path, `expected data, got a ${typeof value}`);
  }
}

/**
 * The JSON text of an options object; bytes (`connection.ca`) become text.
 * @param {unknown} value
 * @param {string} path what the object is called in complaints; '' where its keys name themselves
 */
function toJson(value, path) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    const got = Array.isArray(value) ? 'an array' : value === null ? 'null' : typeof value;
    throw invalid(path || 'config', `expected an object, got ${got}`);
  }
  return JSON.stringify(plain(value, path, []));
}

module.exports = { toJson };
