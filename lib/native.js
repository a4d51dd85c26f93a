// Finds and loads the addon: the binary beside index.js (a build from source), else the package of this platform.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const { platformName, platformTriple } = require('./platform.js');

/** @typedef {typeof import('./native')} Addon */

/** @param {string} name @param {unknown} cause */
function cannotLoad(name, cause) {
  const advice =
    'Reinstall with optional dependencies enabled (npm: no --omit=optional), and on the platform that runs the code.';
  const message = `@computesdk/docker needs the package ${name}, which could not be loaded. ${advice}`;
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
    throw cannotLoad(name, cause);
  }
}

module.exports = load();
