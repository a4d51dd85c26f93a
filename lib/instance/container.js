// `getInstance().container`: dockerode's promise methods of one container.
'use strict';

const fs = require('node:fs/promises');

const { callSite } = require('../call.js');
const { invalid } = require('../errors.js');
const { hiddenSlot } = require('../hidden.js');
const { request, requestJson, requestStream } = require('./request.js');

/** @typedef {import('../provider').DockerProvider} DockerProvider */
/** @typedef {Record<string, unknown>} Options */

/** @type {import('../hidden').Slot<DockerProvider>} */
const owner = hiddenSlot('owner');

/** The archive as dockerode takes it: bytes, a file's name, or a stream. @param {unknown} file */
async function archiveBytes(file) {
  if (typeof file === 'string') return fs.readFile(file);
  if (file instanceof Uint8Array) return file;
  const stream = /** @type {AsyncIterable<Uint8Array>} */ (file);
  if (typeof stream?.[Symbol.asyncIterator] !== 'function') {
    throw invalid('file', 'expected a Buffer, a readable stream or the path of a tar file');
  }
  const chunks = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

class Container {
  /** @param {DockerProvider} provider @param {string} id */
  constructor(provider, id) {
    this.id = id;
    owner.set(this, provider);
  }

  /** @param {Options} [options] */
  async logs(options) {
    const site = callSite(this.logs);
    const wanted = { operation: 'container.logs', target: this.id, options };
    return options?.follow
      ? requestStream(owner.get(this), wanted, site)
      : request(owner.get(this), wanted, site);
  }

  /** @param {Options} [options] */
  async stats(options) {
    const site = callSite(this.stats);
    const wanted = { operation: 'container.stats', target: this.id, options };
    const once = options?.stream === false;
    return once ? requestJson(owner.get(this), wanted, site) : requestStream(owner.get(this), wanted, site);
  }

  /** @param {Options} options */
  async getArchive(options) {
    const wanted = { operation: 'container.getArchive', target: this.id, options };
    return requestStream(owner.get(this), wanted, callSite(this.getArchive));
  }

  /** @param {unknown} file @param {Options} options */
  async putArchive(file, options) {
    const site = callSite(this.putArchive);
    const body = await archiveBytes(file);
    return request(
      owner.get(this),
      { operation: 'container.putArchive', target: this.id, options, body },
      site,
    );
  }
}

/** The methods that take options and answer what Docker answered. */
const PLAIN = [
  'inspect',
  'start',
  'stop',
  'kill',
  'restart',
  'pause',
  'unpause',
  'remove',
  'rename',
  'update',
  'wait',
  'top',
  'changes',
  'commit',
];

for (const name of PLAIN) {
  const methods = {
    /** @this {Container} @param {Options} [options] */
    async [name](options) {
      const wanted = { operation: `container.${name}`, target: this.id, options };
      return requestJson(owner.get(this), wanted, callSite(methods[name]));
    },
  };
  Object.defineProperty(Container.prototype, name, {
    value: methods[name],
    writable: true,
    configurable: true,
  });
}

module.exports = { Container };
