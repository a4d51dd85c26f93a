'use strict';

// A socket in front of the real engine: every byte goes through, requests are written down, and connections
// can be cut or refused on demand. So a test sees what is asked of Docker, and what happens when Docker is lost.

const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

/**
 * @typedef {object} Recorded
 * @property {string} method
 * @property {string} url path and query as sent
 * @property {Record<string, string>} headers names in lower case
 * @property {string} body
 */

function engineAddress() {
  const host = process.env.DOCKER_HOST || 'unix:///var/run/docker.sock';
  if (host.startsWith('unix://')) return { path: host.slice('unix://'.length) };
  const url = new URL(host);
  return { host: url.hostname, port: Number(url.port || 2375) };
}

/** Reads requests out of the bytes that a client sent. */
class RequestReader {
  /** @param {(request: Recorded) => void} found */
  constructor(found) {
    this.found = found;
    this.rest = Buffer.alloc(0);
    this.raw = false;
  }

  /** @param {Buffer} chunk */
  feed(chunk) {
    if (this.raw) return;
    this.rest = Buffer.concat([this.rest, chunk]);
    while (!this.raw && this.#next());
  }

  #next() {
    const end = this.rest.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const [first = '', ...lines] = this.rest.subarray(0, end).toString().split('\r\n');
    const [method = '', url = ''] = first.split(' ');
    const headers = Object.fromEntries(
      lines.map((line) => {
        const at = line.indexOf(':');
        return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
      }),
    );
    const body = this.#body(end + 4, headers);
    if (!body) return false;
    this.rest = this.rest.subarray(body.end);
    // After an upgrade the connection carries a process's stdio, not requests.
    this.raw = headers.upgrade !== undefined;
    this.found({ method, url, headers, body: body.content.toString() });
    return true;
  }

  /** @param {number} start @param {Record<string, string>} headers */
  #body(start, headers) {
    if (headers['transfer-encoding'] === 'chunked') return this.#chunks(start);
    const end = start + Number(headers['content-length'] ?? 0);
    return end <= this.rest.length ? { content: this.rest.subarray(start, end), end } : undefined;
  }

  /** @param {number} start */
  #chunks(start) {
    const parts = [];
    for (let at = start; ; ) {
      const line = this.rest.indexOf('\r\n', at);
      if (line < 0) return undefined;
      const size = Number.parseInt(this.rest.subarray(at, line).toString(), 16);
      const end = line + 2 + size + 2;
      if (end > this.rest.length) return undefined;
      if (size === 0) return { content: Buffer.concat(parts), end };
      parts.push(this.rest.subarray(line + 2, line + 2 + size));
      at = end;
    }
  }
}

class RecordingProxy {
  /** @type {Recorded[]} */
  requests = [];
  /** @type {Set<net.Socket>} */
  #open = new Set();
  /** May answer for how many milliseconds the connection's answers are held back. @type {(request: Recorded) => unknown} */
  onRequest = () => undefined;

  constructor() {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'csdk-proxy-'));
    this.socketPath = path.join(this.folder, 'docker.sock');
    this.server = net.createServer({ allowHalfOpen: true }, (client) => this.#serve(client));
  }

  /** @param {net.Socket} client */
  #serve(client) {
    // Half-open on both sides: a client that ends its stdin still waits for the output.
    const engine = net.connect({ ...engineAddress(), allowHalfOpen: true });
    const reader = new RequestReader((request) => {
      this.requests.push(request);
      const ms = this.onRequest(request);
      if (typeof ms !== 'number') return;
      engine.unpipe(client);
      setTimeout(() => engine.pipe(client), ms);
    });
    client.on('data', (chunk) => reader.feed(chunk));
    client.pipe(engine).pipe(client);
    for (const [socket, other] of [
      [client, engine],
      [engine, client],
    ]) {
      this.#open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#open.delete(socket);
        other.destroy();
      });
    }
  }

  /** @param {net.ListenOptions} [options] */
  listen(options = { path: this.socketPath }) {
    return new Promise((resolve) => this.server.listen(options, () => resolve(undefined)));
  }

  /** How many connections clients hold open. */
  get connections() {
    return this.#open.size / 2;
  }

  /** Cuts every connection; new ones are served. */
  cut() {
    for (const socket of this.#open) socket.destroy();
  }

  /** Cuts every connection and takes no new ones. */
  async close() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.cut();
    await closed;
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  /** The requests whose `METHOD /path` matches, the API version left out. @param {RegExp} pattern */
  sent(pattern) {
    return this.requests.filter(({ method, url }) =>
      pattern.test(`${method} ${url.replace(/^\/v[\d.]+/, '')}`),
    );
  }
}

/** @param {net.ListenOptions} [options] a Unix socket by default */
async function startProxy(options) {
  const proxy = new RecordingProxy();
  await proxy.listen(options);
  return proxy;
}

module.exports = { startProxy };
