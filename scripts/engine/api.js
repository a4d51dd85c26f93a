'use strict';

// Speaks HTTP to a Docker engine named as DOCKER_HOST names it (unix or tcp, with or without TLS),
// so that the scripts need neither the docker command nor this package's own addon.
// It knows nothing of which engine is meant, how one is started or what an image holds.

const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const path = require('node:path');
const { pipeline } = require('node:stream');

/**
 * @typedef {object} Call
 * @property {string} [method]
 * @property {unknown} [json] sent as the body
 * @property {import('node:stream').Readable} [stream] sent as the body
 * @property {(chunk: Buffer) => void} [onData] sees the answer while it arrives
 * @property {number} [timeoutMs] silence after which the call fails
 * @property {AbortSignal} [signal]
 */

/** @typedef {{ status: number, text: string }} Answer */

/**
 * Where and how to connect.
 * @param {string} host
 * @returns {import('node:https').RequestOptions & { secure: boolean }}
 */
function target(host) {
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length), secure: false };
  const url = new URL(host);
  if (url.protocol !== 'tcp:' && url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new Error(`the scripts reach Docker engines by unix:// and tcp:// only, not ${url.protocol}//`);
  }
  const secure = url.protocol === 'https:' || Boolean(process.env.DOCKER_TLS_VERIFY);
  const port = url.port || (secure ? '2376' : '2375');
  return { host: url.hostname, port, secure, ...(secure ? certificates() : {}) };
}

function certificates() {
  const folder = process.env.DOCKER_CERT_PATH || path.join(process.env.HOME || '/root', '.docker');
  const read = (/** @type {string} */ file) => fs.readFileSync(path.join(folder, file));
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
}

/**
 * One request. Resolves whatever the status is; rejects when the engine cannot be asked.
 * @param {string} host
 * @param {string} url path and query
 * @param {Call} [call]
 * @returns {Promise<Answer>}
 */
function request(host, url, call = {}) {
  const { secure, ...where } = target(host);
  const headers = call.json === undefined ? {} : { 'content-type': 'application/json' };
  const options = { ...where, path: url, method: call.method ?? 'GET', headers, signal: call.signal };
  return new Promise((resolve, reject) => {
    const req = (secure ? https : http).request(options, (res) =>
      collect(res, call.onData).then(resolve, reject),
    );
    req.on('error', reject);
    req.setTimeout(call.timeoutMs ?? 60_000, () => req.destroy(new Error(`${host} does not answer`)));
    if (call.stream) pipeline(call.stream, req, (error) => error && reject(error));
    else req.end(call.json === undefined ? undefined : JSON.stringify(call.json));
  });
}

/**
 * @param {import('node:http').IncomingMessage} res
 * @param {((chunk: Buffer) => void) | undefined} onData
 * @returns {Promise<Answer>}
 */
async function collect(res, onData) {
  /** @type {Buffer[]} */
  const chunks = [];
  for await (const chunk of res) {
    chunks.push(chunk);
    onData?.(chunk);
  }
  return { status: res.statusCode ?? 0, text: Buffer.concat(chunks).toString() };
}

/**
 * A request whose answer must be a success; gives the parsed JSON.
 * @param {string} host
 * @param {string} url
 * @param {Call} [call]
 * @returns {Promise<any>}
 */
async function ask(host, url, call) {
  const { status, text } = await request(host, url, call);
  if (status >= 400) throw new Error(`${call?.method ?? 'GET'} ${url}: ${status} ${text.trim()}`);
  return text ? JSON.parse(text) : undefined;
}

/**
 * Does an engine answer there?
 * @param {string} host
 */
async function answers(host) {
  try {
    return (await request(host, '/_ping', { timeoutMs: 3000 })).status === 200;
  } catch {
    return false;
  }
}

module.exports = { answers, ask, request };
