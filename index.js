// The package's exports. index.d.ts describes them.
'use strict';

const { createCompute, createDockerCompute } = require('./lib/compute.js');
const { AbortError, DockerProviderError } = require('./lib/errors.js');
const { docker } = require('./lib/provider.js');

/** Loaded when it is first called: most programs never do. @type {typeof import('./lib/request-handler').handleComputeRequest} */
async function handleComputeRequest(request, provider) {
  const handler = require('./lib/request-handler.js');
  return handler.handleComputeRequest(request, provider);
}

module.exports = {
  AbortError,
  DockerProviderError,
  createCompute,
  createDockerCompute,
  docker,
  handleComputeRequest,
};
