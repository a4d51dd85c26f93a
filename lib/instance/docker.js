// `getInstance().docker`: dockerode's promise methods of the engine and of one image.
'use strict';

const { checkString } = require('../arguments.js');
const { callSite } = require('../call.js');
const { hiddenSlot } = require('../hidden.js');
const { Container } = require('./container.js');
const { requestJson, requestStream } = require('./request.js');

/** @typedef {import('../provider').DockerProvider} DockerProvider */
/** @typedef {Record<string, unknown>} Options */

/** @type {import('../hidden').Slot<DockerProvider>} */
const owner = hiddenSlot('owner');

class Image {
  /** @param {DockerProvider} provider @param {string} name */
  constructor(provider, name) {
    this.name = name;
    owner.set(this, provider);
  }

  /** @param {Options} [options] */
  async inspect(options) {
    const wanted = { operation: 'image.inspect', target: this.name, options };
    return requestJson(owner.get(this), wanted, callSite(this.inspect));
  }

  /** @param {Options} [options] */
  async remove(options) {
    const wanted = { operation: 'image.remove', target: this.name, options };
    return requestJson(owner.get(this), wanted, callSite(this.remove));
  }

  /** @param {Options} [options] */
  async tag(options) {
    const wanted = { operation: 'image.tag', target: this.name, options };
    return requestJson(owner.get(this), wanted, callSite(this.tag));
  }
}

class Docker {
  /** @param {DockerProvider} provider */
  constructor(provider) {
    owner.set(this, provider);
  }

  async ping() {
    return requestJson(owner.get(this), { operation: 'docker.ping' }, callSite(this.ping));
  }

  async version() {
    return requestJson(owner.get(this), { operation: 'docker.version' }, callSite(this.version));
  }

  async info() {
    return requestJson(owner.get(this), { operation: 'docker.info' }, callSite(this.info));
  }

  async df() {
    return requestJson(owner.get(this), { operation: 'docker.df' }, callSite(this.df));
  }

  /** @param {Options} [options] */
  async listContainers(options) {
    const wanted = { operation: 'docker.listContainers', options };
    return requestJson(owner.get(this), wanted, callSite(this.listContainers));
  }

  /** @param {Options} [options] */
  async listImages(options) {
    return requestJson(
      owner.get(this),
      { operation: 'docker.listImages', options },
      callSite(this.listImages),
    );
  }

  /** Answers the stream of progress lines, each a JSON object. @param {string} repoTag @param {Options} [options] */
  async pull(repoTag, options) {
    const site = callSite(this.pull);
    checkString(repoTag, 'repoTag');
    return requestStream(owner.get(this), { operation: 'docker.pull', target: repoTag, options }, site);
  }

  /** @param {string} id */
  getContainer(id) {
    checkString(id, 'id');
    return new Container(owner.get(this), id);
  }

  /** @param {string} name */
  getImage(name) {
    checkString(name, 'name');
    return new Image(owner.get(this), name);
  }
}

module.exports = { Docker };
