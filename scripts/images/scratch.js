'use strict';

// An image that holds one static program and nothing else: no shell, no libraries, no /tmp, no users.

const fs = require('node:fs');
const path = require('node:path');
const { busyBox } = require('./node');

/** @param {string} root */
async function scratchFolder(root) {
  // BusyBox takes the applet from the name it is called by.
  fs.copyFileSync(busyBox(), path.join(root, 'sleep'));
  fs.chmodSync(path.join(root, 'sleep'), 0o755);
}

module.exports = { scratchFolder };
