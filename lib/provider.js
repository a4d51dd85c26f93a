// The provider and its managers, as callers see them.
'use strict';

const { openProvider } = require('./native.js');
const { callSite, settle, unwrap } = require('./call.js');
const { checkObject, checkString } = require('./arguments.js');
const { DockerProviderError } = require('./errors.js');
const { hiddenSlot } = require('./hidden.js');
const { toJson } = require('./plain.js');
const { DockerSandbox } = require('./sandbox.js');
const { checkSignal, withSignal } = require('./signals.js');

/** @typedef {import('./native').NativeProvider} NativeProvider */
/** @typedef {import('./native').NativeSandbox} NativeSandbox */

/** @type {import('./hidden').Slot<NativeProvider>} */
const native = hiddenSlot('native');
/** @type {import('./hidden').Slot<DockerProvider>} */
const owner = hiddenSlot('owner');

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
    const json = toJson(rest, '');
    const handle = await withSignal(signal, (cancel) =>
      settle(native.get(owner.get(this)).create(json, cancel), site, signal),
    );
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
}

/** @param {string} what */
function unsupported(what) {
  return new DockerProviderError(
    'ERR_UNSUPPORTED',
    `${what} are not supported by this version of the docker provider`,
  );
}

// There are none, and `compute.snapshot.list()` asks every provider: an empty list is the true answer.
class DockerSnapshotManager {
  async create() {
    throw unsupported('snapshots');
  }

  async list() {
    return [];
  }

  async delete() {
    throw unsupported('snapshots');
  }
}

class DockerTemplateManager {
  async create() {
    throw unsupported('templates');
  }

  async list() {
    return [];
  }

  async delete() {
    throw unsupported('templates');
  }
}

class DockerProvider {
  /** @param {NativeProvider} handle */
  constructor(handle) {
    this.name = 'docker';
    this.sandbox = new DockerSandboxManager(this);
    this.snapshot = new DockerSnapshotManager();
    this.template = new DockerTemplateManager();
    native.set(this, handle);
  }

  getSupportedRuntimes() {
    return ['node', 'python'];
  }
}

/** @param {unknown} [config] */
function docker(config) {
  const site = callSite(docker);
  return new DockerProvider(unwrap(openProvider(toJson(config ?? {}, '')), site));
}

/** @param {DockerProvider} provider */
function nativeProvider(provider) {
  return native.get(provider);
}

module.exports = { DockerProvider, docker, nativeProvider };
