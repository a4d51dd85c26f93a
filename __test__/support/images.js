'use strict';

// The images that scripts/images.js makes sure of.

module.exports = {
  /** Debian with glibc and Python. */
  PYTHON: 'python:3.11-slim',
  /** A BusyBox userland with Node. */
  NODE: 'node:20-alpine',
  /** Node without any shell or tool. */
  NODE_ONLY: 'computesdk-test/node-only:1',
  /** One static program. */
  SCRATCH: 'computesdk-test/scratch:1',
};
