// The provider and its managers, as callers see them.
'use strict';

const { Cancel, openProvider } = require('./native.js');
const { callSite, settle, unwrap } = require('./call.js');
const { checkObject, checkString } = require('./arguments.js');
const { hiddenSlot } = require('./hidden.js');
const { toJson } = require('./plain.js');
const { DockerPool } = require('./pool.js');
const { PullWatch, withoutCallback } = require('./progress.js');
const { DockerSandbox } = require('./sandbox.js');
const { DockerSnapshotManager, DockerTemplateManager } = require('./saved.js');
const { checkSignal, withSignal } = require('./signals.js');

/** @typedef {import('./native').NativeProvider} NativeProvider */
/** @typedef {import('./native').NativeSandbox} NativeSandbox */

/** @type {import('./hidden').Slot<NativeProvider>} */
const native = hiddenSlot('native');
/** @type {import('./hidden').Slot<DockerProvider>} */
const owner = hiddenSlot('owner');
/** @type {import('./hidden').Slot<import('./progress').OnPullProgress | undefined>} */
const onPullProgress = hiddenSlot('onPullProgress');

/**
 * @param {DockerProvider} provider
 * @param {string} json the options
 * @param {{ signal?: AbortSignal, site: import('./call').CallSite }} call
 * @returns {Promise<NativeSandbox>}
 */
function boot(provider, json, { signal, site }) {
  const callback = onPullProgress.get(provider);
  return withSignal(signal, async (signalled) => {
    if (!callback) return settle(native.get(provider).create(json, signalled), site, signal);
    const cancel = signalled ?? new Cancel();
    const watch = new PullWatch(callback, () => cancel.cancel());
    const made = settle(native.get(provider).create(json, cancel, watch.listener), site, signal);
    // A callback's own exception outranks the abort that it set off, and what came of the create.
    const outcome = await made.then(
      (sandbox) => ({ sandbox }),
      (error) => ({ error }),
    );
    try {
      await watch.finish();
    } catch (thrown) {
      if ('sandbox' in outcome) await settle(outcome.sandbox.destroy(), site);
      throw thrown;
    }
    if ('error' in outcome) throw outcome.error;
    return outcome.sandbox;
  });
}

class DockerSandboxManager {
  /** @param {DockerProvider} provider */
  constructor(provider) {
    owner.set(this, provider);
  }

  /** @param {Record<string, unknown>} [options] */
  async create(options = {}) {
    const site = callSite(this.create);
    checkObject(options ?? {}, 'options');
    const { signal: given, ...rest } = options ?? {};
    const signal = checkSignal(given, 'signal');
    const handle = await boot(owner.get(this), toJson(rest, ''), { signal, site });
    return new DockerSandbox(handle, owner.get(this));
  }

  /** @param {string} sandboxId */
  async getById(sandboxId) {
    const site = callSite(this.getById);
    checkString(sandboxId, 'sandboxId');
    const handle = await settle(native.get(owner.get(this)).getById(sandboxId), site);
    return handle ? new DockerSandbox(handle, owner.get(this)) : null;
  }

  async list() {
    const handles = await settle(native.get(owner.get(this)).list(), callSite(this.list));
    return handles.map((handle) => new DockerSandbox(handle, owner.get(this)));
  }

  /** @param {string} sandboxId */
  async destroy(sandboxId) {
    const site = callSite(this.destroy);
    checkString(sandboxId, 'sandboxId');
    await settle(native.get(owner.get(this)).destroy(sandboxId), site);
  }

  /** @param {Record<string, unknown>} [options] */
  async prune(options = {}) {
    const site = callSite(this.prune);
    checkObject(options ?? {}, 'options');
    return settle(native.get(owner.get(this)).prune(toJson(options ?? {}, '')), site);
  }
}

class DockerProvider {
  /** @param {NativeProvider} handle @param {import('./progress').OnPullProgress} [callback] */
  constructor(handle, callback) {
    this.name = 'docker';
    this.sandbox = new DockerSandboxManager(this);
    this.snapshot = new DockerSnapshotManager(handle);
    this.template = new DockerTemplateManager(handle);
    if (handle.poolStats()) {
      /** @type {DockerPool | undefined} */
      this.pool = new DockerPool(handle);
    }
    native.set(this, handle);
    onPullProgress.set(this, callback);
  }

  getSupportedRuntimes() {
    return ['node', 'python'];
  }
}

/** @param {unknown} [config] */
function docker(config) {
  const site = callSite(docker);
  const { data, onPullProgress } = withoutCallback(config ?? {});
  return new DockerProvider(unwrap(openProvider(toJson(data, '')), site), onPullProgress);
}

/** @param {DockerProvider} provider */
function nativeProvider(provider) {
  return native.get(provider);
}

module.exports = { DockerProvider, docker, nativeProvider };
