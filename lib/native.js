// Finds and loads the addon: the binary beside index.js (a build from source), else the package of this platform.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const { platformName, platformTriple } = require('./platform.js');

/** @typedef {typeof import('./native')} Addon */

/** The binary is not installed. @param {string} name its package @param {unknown} cause */
function notInstalled(name, cause) {
  const { version } = require('../package.json');
  const message = `@computesdk/docker: the binary for this platform (${platformName()}) is not installed.
It is the package ${name}@${version}, which package managers install by themselves, unless optional dependencies are
left out (npm: --omit=optional) or node_modules comes from another platform. Install again on this one, or add it:
  npm install ${name}@${version}`;
  return new Error(message, { cause });
}

/** The binary is there and cannot be loaded. @param {string} name its package @param {any} cause */
function notLoadable(name, cause) {
  const message = `@computesdk/docker: the binary for this platform (${platformName()}), ${name}, does not load: ${cause?.message}`;
  return new Error(message, { cause });
}

/** @returns {Addon} */
function load() {
  const triple = platformTriple();
  if (!triple) throw new Error(`@computesdk/docker has no binary for this platform: ${platformName()}`);
  const local = path.join(__dirname, '..', `computesdk-docker.${triple}.node`);
  if (fs.existsSync(local)) return require(local);
  const name = `@computesdk/docker-${triple}`;
  try {
    return require(name);
  } catch (cause) {
    const missing = /** @type {any} */ (cause)?.code === 'MODULE_NOT_FOUND';
    throw missing ? notInstalled(name, cause) : notLoadable(name, cause);
  }
}

module.exports = load();
