// A request of `getInstance()`'s objects: which one is data, what it means to Docker is decided in the addon.
'use strict';

const { Readable, addAbortSignal } = require('node:stream');

const { checkObject } = require('../arguments.js');
const { settle } = require('../call.js');
const { invalid } = require('../errors.js');
const { toJson } = require('../plain.js');
const { nativeProvider } = require('../provider.js');
const { checkSignal, withSignal } = require('../signals.js');

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

/**
 * dockerode's `abortSignal`, apart from the options that go to Docker.
 * @param {Wanted} wanted
 */
function native({ operation, target, options, body }) {
  if (typeof options === 'function')
    throw invalid(operation, 'await the promise instead of passing a callback');
  const given = options ?? {};
  checkObject(given, 'options');
  const { abortSignal, ...rest } = given;
  const signal = checkSignal(abortSignal, 'options.abortSignal');
  return { signal, call: { operation, target, options: toJson(rest, 'options'), body } };
}

/** @param {DockerProvider} provider @param {Wanted} wanted @param {CallSite} site @returns {Promise<Buffer>} */
async function request(provider, wanted, site) {
  const { signal, call } = native(wanted);
  return withSignal(signal, (cancel) => settle(nativeProvider(provider).request(call, cancel), site, signal));
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
  const { signal, call } = native(wanted);
  const source = await withSignal(signal, (cancel) =>
    settle(nativeProvider(provider).stream(call, cancel), site, signal),
  );
  const stream = readable(source, site);
  return signal ? addAbortSignal(signal, stream) : stream;
}

module.exports = { request, requestJson, requestStream };
