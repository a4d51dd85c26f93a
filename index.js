// The package's exports. index.d.ts describes them.
'use strict';

const { createCompute, createDockerCompute } = require('./lib/compute.js');
const { AbortError, DockerProviderError } = require('./lib/errors.js');
const { docker } = require('./lib/provider.js');
const { handleComputeRequest } = require('./lib/request-handler.js');

module.exports = {
  AbortError,
  DockerProviderError,
  createCompute,
  createDockerCompute,
  docker,
  handleComputeRequest,
};
