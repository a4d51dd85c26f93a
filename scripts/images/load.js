'use strict';

// Brings an image into an engine: from a registry, or from a folder on this machine.

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { request } = require('../engine/api');

const REGISTRY_ANSWERS_WITHIN = 20_000;
const PULL_SILENCE = 120_000;

/**
 * @param {string} host
 * @param {string} image with its tag
 * @returns {Promise<string | undefined>} why it was not pulled
 */
async function pull(host, image) {
  const [name, tag] = image.split(':');
  const give = new AbortController();
  const timer = setTimeout(() => give.abort(), REGISTRY_ANSWERS_WITHIN);
  const call = {
    method: 'POST',
    signal: give.signal,
    timeoutMs: PULL_SILENCE,
    onData: () => clearTimeout(timer),
  };
  try {
    return failure(await request(host, `/images/create?fromImage=${name}&tag=${tag}`, call));
  } catch (error) {
    if (give.signal.aborted) return `none answered within ${REGISTRY_ANSWERS_WITHIN / 1000} s`;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The engine answers 200 first and tells a later failure as a line of its progress.
 * @param {import('../engine/api').Answer} answer
 * @returns {string | undefined}
 */
function failure({ status, text }) {
  const lines = text
    .split(/\r?\n/)
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  const told = lines.find((line) => line.error || line.message)?.[status >= 400 ? 'message' : 'error'];
  return told ?? (status >= 400 ? `status ${status}` : undefined);
}

/**
 * @param {string} host
 * @param {string} image
 * @param {string} folder the root filesystem
 * @param {string[]} changes Dockerfile lines
 */
async function importImage(host, image, folder, changes) {
  const [repo = '', tag = ''] = image.split(':');
  const query = new URLSearchParams([
    ['fromSrc', '-'],
    ['repo', repo],
    ['tag', tag],
  ]);
  for (const line of changes) query.append('changes', line);
  const tar = spawn('tar', ['-C', folder, '--numeric-owner', '-c', '.'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(tar, 'exit');
  const call = { method: 'POST', stream: tar.stdout, timeoutMs: 300_000 };
  const problem = failure(await request(host, `/images/create?${query}`, call));
  const [code] = await ended;
  if (problem || code !== 0)
    throw new Error(`${image} cannot be imported: ${problem ?? `tar ended with ${code}`}`);
}

module.exports = { importImage, pull };
