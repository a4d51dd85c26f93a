// Snapshots and templates: images of ours that sandboxes start from.
'use strict';

const path = require('node:path');

const { Cancel } = require('./native.js');
const {
  checkContent,
  checkFunction,
  checkNumber,
  checkObject,
  checkString,
  unknownKey,
} = require('./arguments.js');
const { callSite, settle } = require('./call.js');
const { hiddenSlot } = require('./hidden.js');
const { Output } = require('./output.js');
const { toJson } = require('./plain.js');
const { checkSignal, withSignal } = require('./signals.js');

/** @typedef {import('./native').NativeProvider} NativeProvider */
/** @typedef {import('./native').Saved} Saved */
/** @typedef {Record<string, unknown>} Options */

/** @type {import('./hidden').Slot<NativeProvider>} */
const native = hiddenSlot('native');

/** @param {unknown} given @param {string[]} known @returns {Options} */
function checkOptions(given, known) {
  const options = given ?? {};
  checkObject(options, 'options');
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown) throw unknownKey('options', unknown, known);
  if (options.metadata !== undefined) checkObject(options.metadata, 'options.metadata');
  return options;
}

/** @param {Options} options */
function checkList(options) {
  if (options.limit !== undefined) checkNumber(options.limit, 'options.limit');
  if (options.sandboxId !== undefined) checkString(options.sandboxId, 'options.sandboxId');
  return toJson(options, 'options');
}

/** @param {Saved} saved what both kinds have */
function common({ id, name, runtime, size, createdMs, metadata }) {
  return {
    id,
    provider: 'docker',
    createdAt: new Date(createdMs),
    ...(name !== undefined && { name }),
    ...(runtime !== undefined && { runtime }),
    size,
    metadata: JSON.parse(metadata),
  };
}

/** @param {Saved} saved */
function snapshotOf(saved) {
  return { ...common(saved), sandboxId: saved.sandboxId ?? '' };
}

/** @param {Saved} saved */
function templateOf(saved) {
  const { description } = saved;
  return { ...common(saved), name: saved.name ?? '', ...(description !== undefined && { description }) };
}

class DockerSnapshotManager {
  /** @param {NativeProvider} handle */
  constructor(handle) {
    native.set(this, handle);
  }

  /** @param {string} sandboxId @param {Options} [options] */
  async create(sandboxId, options) {
    const site = callSite(this.create);
    checkString(sandboxId, 'sandboxId');
    const json = toJson(checkOptions(options, ['name', 'metadata']), 'options');
    return snapshotOf(await settle(native.get(this).createSnapshot(sandboxId, json), site));
  }

  /** @param {Options} [options] */
  async list(options) {
    const site = callSite(this.list);
    const json = checkList(checkOptions(options, ['sandboxId', 'limit']));
    return (await settle(native.get(this).listSaved('snapshot', json), site)).map(snapshotOf);
  }

  /** @param {string} snapshotId */
  async delete(snapshotId) {
    const site = callSite(this.delete);
    checkString(snapshotId, 'snapshotId');
    await settle(native.get(this).deleteSaved('snapshot', snapshotId), site);
  }
}

const TEMPLATE_KEYS = [
  'name',
  'description',
  'dockerfile',
  'image',
  'context',
  'setup',
  'runtime',
  'metadata',
  'onOutput',
  'signal',
];

/** A folder of the host, or files by their paths. @param {unknown} context */
function contextOf(context) {
  if (context === undefined) return undefined;
  if (typeof context === 'string') return { folder: path.resolve(context) };
  checkObject(context, 'options.context');
  const files = Object.entries(context).map(([name, content]) => {
    const bytes = Buffer.from(/** @type {Uint8Array} */ (checkContent(content, `options.context.${name}`)));
    return { path: name, base64: bytes.toString('base64') };
  });
  return { files };
}

class DockerTemplateManager {
  /** @param {NativeProvider} handle */
  constructor(handle) {
    native.set(this, handle);
  }

  /** @param {Options} options */
  async create(options) {
    const site = callSite(this.create);
    const { onOutput, signal: given, context, ...rest } = checkOptions(options, TEMPLATE_KEYS);
    checkString(rest.name, 'options.name');
    if (onOutput !== undefined) checkFunction(onOutput, 'options.onOutput');
    const json = toJson({ ...rest, context: contextOf(context) }, 'options');
    const signal = checkSignal(given, 'options.signal');
    const listen = /** @type {((text: string) => unknown) | undefined} */ (onOutput);
    return withSignal(signal, async (signalled) => {
      const cancel = signalled ?? new Cancel();
      const output = listen && new Output({ onStdout: listen }, () => cancel.cancel());
      const building = settle(native.get(this).createTemplate(json, cancel, output?.listener), site, signal);
      // A callback's own exception outranks the abort that it set off.
      const saved = await building.catch(async (error) => {
        await output?.finish();
        throw error;
      });
      await output?.finish();
      return templateOf(saved);
    });
  }

  /** @param {Options} [options] */
  async list(options) {
    const site = callSite(this.list);
    const json = checkList(checkOptions(options, ['limit']));
    return (await settle(native.get(this).listSaved('template', json), site)).map(templateOf);
  }

  /** @param {string} templateId */
  async delete(templateId) {
    const site = callSite(this.delete);
    checkString(templateId, 'templateId');
    await settle(native.get(this).deleteSaved('template', templateId), site);
  }
}

module.exports = { DockerSnapshotManager, DockerTemplateManager };
