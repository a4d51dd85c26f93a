// Whether the default images are there, and for the engine's own processor.
'use strict';

const { note, ok, warning } = require('./finding.js');

/** @typedef {import('./finding').Finding} Finding */

const DEFAULT_IMAGES = ['python:3.11-slim', 'node:20-alpine'];
/** Kernels and Docker have two names for the same processors. @type {Record<string, string>} */
const SAME = { x86_64: 'amd64', aarch64: 'arm64' };

/**
 * @param {string} name
 * @param {any} image what inspecting it told; undefined where it is not there
 * @param {string | undefined} processor the engine's
 * @returns {Finding}
 */
function checkImage(name, image, processor = '') {
  if (!image) return note('images', `${name} is not there: the first create pulls it`, `docker pull ${name}`);
  const own = SAME[processor] ?? processor;
  if (own && image.Architecture && image.Architecture !== own) {
    const text = `${name} is for ${image.Architecture}, the engine runs on ${own}: it is emulated, if it runs at all`;
    return warning('images', text, `docker pull --platform linux/${own} ${name}`);
  }
  return ok('images', `${name} is there`);
}

module.exports = { DEFAULT_IMAGES, checkImage };
