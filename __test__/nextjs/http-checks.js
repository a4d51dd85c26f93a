'use strict';

// The example's handlers without a page: ComputeSDK's own protocol, and requests that are not to be served.

const assert = require('node:assert/strict');
const { sandboxes } = require('./server.js');

/** @param {string} url @param {unknown} body */
async function compute(url, body) {
  const init = { method: 'POST', body: JSON.stringify(body) };
  const response = await fetch(`${url}/api/compute`, init);
  return { status: response.status, ...(await response.json()) };
}

/** @param {{ host: string, url: string }} place */
async function handleComputeRequestServes({ host, url }) {
  const before = await sandboxes(host);
  const ran = await compute(url, {
    action: 'compute.sandbox.runCode',
    code: 'print(6 * 7)',
    runtime: 'python',
  });
  assert.deepEqual([ran.status, ran.result?.stdout], [200, '42\n'], JSON.stringify(ran));
  const { sandboxId } = ran;
  const file = { sandboxId, path: 'a/b.txt', content: 'text' };
  await compute(url, { action: 'compute.sandbox.filesystem.writeFile', ...file });
  const read = await compute(url, { action: 'compute.sandbox.filesystem.readFile', ...file });
  assert.equal(read.fileContent, 'text');
  const listed = await compute(url, { action: 'compute.sandbox.list' });
  assert.equal(listed.sandboxes.length, before.length + 1);
  await compute(url, { action: 'compute.sandbox.destroy', sandboxId });
  assert.deepEqual((await sandboxes(host)).sort(), before.sort());
}

/** @param {{ host: string, url: string }} place */
async function refusalsAreClear({ host, url }) {
  const before = await sandboxes(host);
  const image = await compute(url, { action: 'compute.sandbox.create', options: { image: 'other' } });
  assert.deepEqual([image.status, image.error], [400, 'options.image: not accepted by this server']);
  for (const id of ['0'.repeat(64), before[0]?.slice(0, 12) ?? 'short', '..%2f..']) {
    const found = await fetch(`${url}/api/sandbox/${id}`);
    assert.deepEqual([found.status, (await found.json()).error], [404, 'the sandbox has ended'], id);
  }
  const run = await fetch(`${url}/api/sandbox/${before[0]}/run`, { method: 'POST', body: '{"code":1}' });
  assert.deepEqual([run.status, (await run.json()).error], [400, 'code: expected text']);
  const missing = await fetch(`${url}/api/sandbox/${before[0]}/file?path=/workspace/missing`);
  assert.deepEqual([missing.status, (await missing.json()).code], [404, 'ENOENT']);
  const folder = await fetch(`${url}/api/sandbox/${before[0]}/files?path=relative`);
  assert.equal(folder.status, 400);
  assert.deepEqual(await sandboxes(host), before);
}

const HTTP_CHECKS = {
  'handleComputeRequest serves over fetch': handleComputeRequestServes,
  'requests that are not to be served get a clear answer': refusalsAreClear,
};

module.exports = { HTTP_CHECKS, compute };
