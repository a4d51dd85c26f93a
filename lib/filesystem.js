// `sandbox.filesystem`: argument shapes in, Node-like values out.
'use strict';

const { callSite, settle } = require('./call.js');
const { checkContent, checkObject, checkString, unknownKey } = require('./arguments.js');
const { invalid } = require('./errors.js');
const { hiddenSlot } = require('./hidden.js');

/** @typedef {import('./native').NativeSandbox} NativeSandbox */

/** @type {import('./hidden').Slot<NativeSandbox>} */
const native = hiddenSlot('native');

/** @param {string} folder @param {string} name */
function join(folder, name) {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

/** @param {unknown} options @returns {boolean} whether text is asked for */
function wantsText(options) {
  if (options === undefined) return true;
  const given = typeof options === 'string' || options === null ? { encoding: options } : options;
  checkObject(given, 'options');
  const unknown = Object.keys(given).find((key) => key !== 'encoding');
  if (unknown) throw unknownKey('options', unknown, ['encoding']);
  const { encoding = 'utf8' } = given;
  if (encoding === null) return false;
  if (encoding === 'utf8' || encoding === 'utf-8') return true;
  throw invalid('options.encoding', `expected 'utf8', or null for a Buffer, got ${JSON.stringify(encoding)}`);
}

class DockerFileSystem {
  /** @param {NativeSandbox} handle */
  constructor(handle) {
    native.set(this, handle);
  }

  /** @param {string} path @param {unknown} [options] @returns {Promise<any>} */
  async readFile(path, options) {
    const site = callSite(this.readFile);
    checkString(path, 'path');
    /** @type {Promise<import('./native').Outcome<string | Buffer>>} */
    const content = wantsText(options) ? native.get(this).readText(path) : native.get(this).readBytes(path);
    return settle(content, site);
  }

  /** @param {string} path @param {string | Uint8Array | ArrayBuffer} content @returns {Promise<void>} */
  async writeFile(path, content) {
    const site = callSite(this.writeFile);
    checkString(path, 'path');
    await settle(native.get(this).writeFile(path, checkContent(content, 'content')), site);
  }

  /** @param {string} path @returns {Promise<void>} */
  async mkdir(path) {
    const site = callSite(this.mkdir);
    checkString(path, 'path');
    await settle(native.get(this).mkdir(path), site);
  }

  /** @param {string} path @returns {Promise<import('../index').FileEntry[]>} */
  async readdir(path) {
    const site = callSite(this.readdir);
    checkString(path, 'path');
    const entries = await settle(native.get(this).readdir(path), site);
    return entries.map(({ name, isDirectory, size, modifiedMs }) => ({
      name,
      path: join(path, name),
      isDirectory,
      type: isDirectory ? 'directory' : 'file',
      size,
      lastModified: new Date(modifiedMs),
      modified: new Date(modifiedMs),
    }));
  }

  /** @param {string} path @returns {Promise<boolean>} */
  async exists(path) {
    const site = callSite(this.exists);
    checkString(path, 'path');
    return settle(native.get(this).exists(path), site);
  }

  /** @param {string} path @returns {Promise<void>} */
  async remove(path) {
    const site = callSite(this.remove);
    checkString(path, 'path');
    await settle(native.get(this).remove(path), site);
  }
}

module.exports = { DockerFileSystem };
