// The convenience creators of ComputeSDK's earlier generations.
'use strict';

const { DockerProviderError } = require('./errors.js');
const { docker } = require('./provider.js');

/** @typedef {import('../index').ComputeConfig<any>} ComputeConfig */
/** @typedef {import('../index').ProviderLike} ProviderLike */

/** @param {unknown} value @returns {value is ProviderLike} */
function isProvider(value) {
  return typeof (/** @type {any} */ (value)?.sandbox?.create) === 'function';
}

/** `create({ runtime })` of today, and `create({ provider, options })` of computesdk 1.7. @param {any} params */
function creation(params) {
  const wrapped = params && Object.keys(params).every((key) => key === 'provider' || key === 'options');
  return wrapped ? { provider: params.provider, options: params.options } : { options: params };
}

/** @param {ProviderLike} provider used where a call names no other */
function sandboxCalls(provider) {
  return {
    /** @param {unknown} [params] */
    create: async (params) => {
      const { provider: other, options } = creation(params);
      return (other ?? provider).sandbox.create(options);
    },
    /** @param {unknown} first @param {string} [id] */
    getById: async (first, id) =>
      isProvider(first)
        ? first.sandbox.getById(/** @type {string} */ (id))
        : provider.sandbox.getById(/** @type {string} */ (first)),
    /** @param {ProviderLike} [other] */
    list: async (other) => (other ?? provider).sandbox.list(),
    /** @param {unknown} first @param {string} [id] */
    destroy: async (first, id) =>
      isProvider(first)
        ? first.sandbox.destroy(/** @type {string} */ (id))
        : provider.sandbox.destroy(/** @type {string} */ (first)),
  };
}

/** @param {ComputeConfig} config */
function createCompute(config) {
  const provider = config?.defaultProvider ?? config?.provider;
  if (!isProvider(provider)) {
    throw new DockerProviderError(
      'ERR_INVALID_CONFIG',
      'defaultProvider: expected a provider, such as docker({ … })',
    );
  }
  /** @type {ComputeConfig | null} */
  let current = config;
  return {
    sandbox: sandboxCalls(provider),
    getConfig: () => current,
    setConfig: createCompute,
    clearConfig: () => {
      current = null;
    },
  };
}

/** @param {unknown} [config] */
function createDockerCompute(config) {
  const { sandbox } = docker(config);
  return {
    sandbox: {
      create: (/** @type {Record<string, unknown> | undefined} */ options) => sandbox.create(options),
    },
  };
}

module.exports = { createCompute, createDockerCompute };
