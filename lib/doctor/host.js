// This package on this machine: versions, and whether its binary loads. Knows nothing of engines.
'use strict';

const { platformName } = require('../platform.js');
const { ok, problem } = require('./finding.js');

/** @typedef {import('./finding').Finding} Finding */

function describeHost() {
  const { name, version } = require('../../package.json');
  return { package: `${name} ${version}`, node: process.version, platform: platformName() };
}

/** @returns {Finding} */
function checkBinary() {
  try {
    require('../native.js');
    return ok('package', 'its binary for this platform is installed and loads');
  } catch (error) {
    const [first = '', ...rest] = /** @type {Error} */ (error).message.split('\n');
    return problem('package', first, rest.join(' ').trim() || 'use a platform that has a binary');
  }
}

module.exports = { checkBinary, describeHost };
