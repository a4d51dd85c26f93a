// A request of `getInstance()`'s objects: which one is data, what it means to Docker is decided in the addon.
'use strict';

const { Readable } = require('node:stream');

const { settle } = require('../call.js');
const { DockerProviderError } = require('../errors.js');
const { toJson } = require('../plain.js');
const { nativeProvider } = require('../provider.js');

/** @typedef {import('../call').CallSite} CallSite */
/** @typedef {import('../provider').DockerProvider} DockerProvider */
/** @typedef {import('../native').NativeStream} NativeStream */

/**
 * @typedef {object} Wanted
 * @property {string} operation such as `container.stop`
 * @property {string} [target] the container or image it is about
 * @property {unknown} [options] dockerode's options
 * @property {Uint8Array} [body]
 */

/** @param {Wanted} wanted */
function native({ operation, target, options, body }) {
  if (typeof options === 'function') {
    throw new DockerProviderError(
      'ERR_INVALID_CONFIG',
      `${operation}: await the promise instead of passing a callback`,
    );
  }
  return { operation, target, options: toJson(options ?? {}, 'options'), body };
}

/** @param {DockerProvider} provider @param {Wanted} wanted @param {CallSite} site @returns {Promise<Buffer>} */
async function request(provider, wanted, site) {
  return settle(nativeProvider(provider).request(native(wanted)), site);
}

/**
 * What dockerode answers: the parsed JSON where there is some, else the bytes.
 * @param {DockerProvider} provider @param {Wanted} wanted @param {CallSite} site @returns {Promise<any>}
 */
async function requestJson(provider, wanted, site) {
  const bytes = await request(provider, wanted, site);
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return bytes;
  }
}

/** @param {NativeStream} source @param {CallSite} site */
function readable(source, site) {
  return new Readable({
    read() {
      settle(source.next(), site).then(
        (bytes) => this.push(bytes),
        (error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      source.close();
      done(error);
    },
  });
}

/** @param {DockerProvider} provider @param {Wanted} wanted @param {CallSite} site @returns {Promise<Readable>} */
async function requestStream(provider, wanted, site) {
  return readable(await settle(nativeProvider(provider).stream(native(wanted)), site), site);
}

module.exports = { request, requestJson, requestStream };
