// `sandbox.filesystem`: argument shapes in, Node-like values out.
'use strict';

const { callSite, settle } = require('./call.js');
const {
  checkBoolean,
  checkContent,
  checkMode,
  checkObject,
  checkOptions,
  checkString,
  unknownKey,
} = require('./arguments.js');
const { invalid } = require('./errors.js');
const { hiddenSlot } = require('./hidden.js');
const { join } = require('./paths.js');

/** @typedef {import('./native').NativeSandbox} NativeSandbox */

/** @type {import('./hidden').Slot<NativeSandbox>} */
const native = hiddenSlot('native');

/** @param {string} path @param {import('./native').Entry} entry @returns {import('../index').FileEntry} */
function fileEntry(path, { name, isDirectory, size, modifiedMs }) {
  return {
    name,
    path,
    isDirectory,
    type: isDirectory ? 'directory' : 'file',
    size,
    lastModified: new Date(modifiedMs),
    modified: new Date(modifiedMs),
  };
}

/** @param {string} path @param {import('./native').FileStat} stat @returns {import('../index').FileStat} */
function fileStat(path, { kind, size, mode, uid, gid, modifiedMs, accessedMs, changedMs, target }) {
  return {
    path,
    type: kind,
    isFile: kind === 'file',
    isDirectory: kind === 'directory',
    isSymbolicLink: kind === 'link',
    size,
    mode,
    uid,
    gid,
    modified: new Date(modifiedMs),
    lastModified: new Date(modifiedMs),
    accessed: new Date(accessedMs),
    changed: new Date(changedMs),
    ...(target === undefined ? {} : { target }),
  };
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

  /** @param {string} path @param {unknown} [options] @returns {Promise<import('../index').FileEntry[]>} */
  async readdir(path, options) {
    const site = callSite(this.readdir);
    checkString(path, 'path');
    const { recursive } = checkOptions(options, { recursive: checkBoolean });
    const handle = native.get(this);
    const entries = await settle(recursive ? handle.readTree(path) : handle.readdir(path), site);
    return entries.map((entry) => fileEntry(join(path, entry.path ?? entry.name), entry));
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

  /** @param {string} path @param {unknown} [options] @returns {Promise<import('../index').FileStat>} */
  async stat(path, options) {
    const site = callSite(this.stat);
    checkString(path, 'path');
    const { followLinks = true } = checkOptions(options, { followLinks: checkBoolean });
    return fileStat(path, await settle(native.get(this).stat(path, followLinks), site));
  }

  /** @param {string} from @param {string} to @returns {Promise<void>} */
  async rename(from, to) {
    const site = callSite(this.rename);
    checkString(from, 'from');
    checkString(to, 'to');
    await settle(native.get(this).rename(from, to), site);
  }

  /** @param {string} from @param {string} to @returns {Promise<void>} */
  async copy(from, to) {
    const site = callSite(this.copy);
    checkString(from, 'from');
    checkString(to, 'to');
    await settle(native.get(this).copy(from, to), site);
  }

  /** @param {string} path @param {number | string} mode @returns {Promise<void>} */
  async chmod(path, mode) {
    const site = callSite(this.chmod);
    checkString(path, 'path');
    await settle(native.get(this).chmod(path, checkMode(mode, 'mode')), site);
  }

  /** @param {string} path @param {unknown} [options] @returns {import('node:stream').Readable} */
  createReadStream(path, options) {
    const { readStream } = require('./file-streams.js');
    return readStream(native.get(this), path, options, callSite(this.createReadStream));
  }

  /** @param {string} path @param {unknown} [options] @returns {import('node:stream').Writable} */
  createWriteStream(path, options) {
    const { writeStream } = require('./file-streams.js');
    return writeStream(native.get(this), path, options, callSite(this.createWriteStream));
  }

  /** @param {string} hostPath @param {string} path @param {unknown} [options] */
  async upload(hostPath, path, options) {
    const site = callSite(this.upload);
    checkString(hostPath, 'hostPath');
    checkString(path, 'path');
    const { transfer } = require('./transfer.js');
    return transfer(() => native.get(this).upload(hostPath, path), options, site);
  }

  /** @param {string} path @param {string} hostPath @param {unknown} [options] */
  async download(path, hostPath, options) {
    const site = callSite(this.download);
    checkString(path, 'path');
    checkString(hostPath, 'hostPath');
    const { transfer } = require('./transfer.js');
    return transfer(() => native.get(this).download(path, hostPath), options, site);
  }

  /** @param {string} path @param {unknown[]} rest options, which may be left out, and the callback */
  async watch(path, ...rest) {
    const site = callSite(this.watch);
    checkString(path, 'path');
    const { watch } = require('./file-watch.js');
    return watch(native.get(this), path, rest, site);
  }
}

module.exports = { DockerFileSystem };
