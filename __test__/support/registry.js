'use strict';

// A real registry: Debian's docker-registry on loopback, for one user with a password. Engines reach it through a
// front of ours, which counts what they ask for, and which can hold answers back, break off in the middle of a layer,
// or ask for a token instead of the password.

const { spawn } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { ensure, has, obstacle } = require('../../scripts/engine/install');
const { until } = require('./wait.js');

const USER = 'ada';
const PASSWORD = 'correct-horse-9';
/** bcrypt of the password. */
const HTPASSWD = `${USER}:$2y$05$computesdkcomputesdkces0wAC7O7kRqRM0pX5NvDr8J8FUVCaS2\n`;

const IDENTITY_TOKEN = 'identity-7f3a';
const REGISTRY_TOKEN = 'bearer-51c0';

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const LIST = { schemaVersion: 2, mediaType: 'application/vnd.docker.distribution.manifest.list.v2+json' };

/** @param {string} folder */
function config(folder) {
  return `version: 0.1
log: { level: info, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${folder}/data } }
http: { addr: '127.0.0.1:0', secret: any, relativeurls: true }
auth: { htpasswd: { realm: test, path: ${folder}/htpasswd } }
`;
}

/** Why there can be no registry here; undefined where there can. */
function whyNoRegistry() {
  return has('docker-registry') ? undefined : obstacle();
}

class Registry {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #daemon;
  #port = 0;
  #front = http.createServer((request, response) => this.#serve(request, response));
  /** @type {Array<() => void>} */
  #held = [];
  /** `METHOD /path` of every request. @type {string[]} */
  asked = [];
  /** @type {'open' | 'hold' | 'break' | 'token'} */
  mode = 'open';

  /** Its name in image references. */
  get host() {
    return `127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (this.#front.address()).port}`;
  }

  async start() {
    ensure({ 'docker-registry': 'docker-registry' }, 'a registry to pull from');
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'csdk-registry-'));
    const file = path.join(this.folder, 'config.yml');
    fs.writeFileSync(path.join(this.folder, 'htpasswd'), HTPASSWD);
    fs.writeFileSync(file, config(this.folder));
    const daemon = spawn('docker-registry', ['serve', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#daemon = daemon;
    let said = '';
    for (const stream of [daemon.stdout, daemon.stderr]) {
      stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => (said += text));
    }
    await until(
      () => /listening on 127\.0\.0\.1:(\d+)/.test(said) || daemon.exitCode !== null,
      'the registry listens',
    );
    this.#port = Number(/listening on 127\.0\.0\.1:(\d+)/.exec(said)?.[1]);
    if (!this.#port) throw new Error(`docker-registry ended: ${said}`);
    await new Promise((resolve) => this.#front.listen(0, '127.0.0.1', () => resolve(undefined)));
  }

  /** @param {http.IncomingMessage} request @param {http.ServerResponse} response */
  #serve(request, response) {
    const { method, url = '' } = request;
    this.asked.push(`${method} ${url}`);
    // What an engine gives up ends on both sides.
    response.on('error', () => undefined);
    if (this.mode === 'token' && !this.#hasToken(request, response)) return;
    const go = () => this.#forward(request, response);
    if (this.mode === 'hold' && url.includes('/manifests/')) this.#held.push(go);
    else go();
  }

  /** @param {http.IncomingMessage} request @param {http.ServerResponse} response */
  #forward(request, response) {
    const headers = { ...request.headers };
    if (this.mode === 'token') headers.authorization = basic();
    const { method, url = '' } = request;
    const inner = http.request(
      { port: this.#port, host: '127.0.0.1', method, path: url, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        if (this.mode === 'break' && method === 'GET' && url.includes('/blobs/')) breakOff(answer, response);
        else answer.pipe(response);
      },
    );
    inner.on('error', () => response.destroy());
    request.pipe(inner);
  }

  /** Plays the token server too. @param {http.IncomingMessage} request @param {http.ServerResponse} response */
  #hasToken(request, response) {
    if (request.url?.startsWith('/token')) {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        const good = new URLSearchParams(body).get('refresh_token') === IDENTITY_TOKEN;
        response.writeHead(good ? 200 : 401, { 'content-type': 'application/json' });
        response.end(good ? JSON.stringify({ access_token: REGISTRY_TOKEN, expires_in: 300 }) : '{}');
      });
      return false;
    }
    if (request.headers.authorization === `Bearer ${REGISTRY_TOKEN}`) return true;
    const realm = `Bearer realm="http://${this.host}/token",service="test"`;
    response.writeHead(401, { 'www-authenticate': realm, 'docker-distribution-api-version': 'registry/2.0' });
    response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] }));
    return false;
  }

  /** Goes on with what was held back. */
  release() {
    this.mode = 'open';
    for (const go of this.#held.splice(0)) go();
  }

  /** How often a manifest was asked for by that tag. @param {string} tag */
  asksFor(tag) {
    return this.asked.filter((line) => line.includes(`/manifests/${tag}`)).length;
  }

  /**
   * @param {string} at path below `/v2/`
   * @param {RequestInit} [options]
   */
  async #ask(at, options = {}) {
    const headers = { authorization: basic(), ...options.headers };
    const answer = await fetch(new URL(at, `http://${this.host}/v2/`), { ...options, headers });
    if (!answer.ok)
      throw new Error(`${options.method ?? 'GET'} ${at}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  /** Digest, size and text of an image's manifest. @param {string} name @param {string} tag */
  async manifest(name, tag) {
    const answer = await this.#ask(`${name}/manifests/${tag}`, { headers: { accept: MANIFEST } });
    const text = await answer.text();
    return { digest: answer.headers.get('docker-content-digest') ?? '', size: text.length, text };
  }

  /** @param {string} name @param {string} tag @param {{ mediaType: string }} manifest */
  async #putManifest(name, tag, manifest) {
    const headers = { 'content-type': manifest.mediaType };
    await this.#ask(`${name}/manifests/${tag}`, { method: 'PUT', headers, body: JSON.stringify(manifest) });
  }

  /**
   * The same image under another tag, said to be for the processor that the tag names.
   * @param {string} name @param {{ from: string, to: string }} tags
   */
  async relabel(name, { from, to }) {
    const manifest = JSON.parse((await this.manifest(name, from)).text);
    const config = await (await this.#ask(`${name}/blobs/${manifest.config.digest}`)).json();
    const body = Buffer.from(JSON.stringify({ ...config, architecture: to }));
    const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
    const begun = await this.#ask(`${name}/blobs/uploads/`, { method: 'POST' });
    const upload = new URL(begun.headers.get('location') ?? '', `http://${this.host}`);
    upload.searchParams.set('digest', digest);
    await this.#ask(upload.href, {
      method: 'PUT',
      body,
      headers: { 'content-type': 'application/octet-stream' },
    });
    await this.#putManifest(name, to, {
      ...manifest,
      config: { ...manifest.config, digest, size: body.length },
    });
  }

  /**
   * A manifest list, which no engine here can push, of tags that each name a processor.
   * @param {string} name @param {string[]} tags @param {string} as
   */
  async list(name, tags, as) {
    const manifests = [];
    for (const architecture of tags) {
      const { digest, size } = await this.manifest(name, architecture);
      manifests.push({ mediaType: MANIFEST, digest, size, platform: { os: 'linux', architecture } });
    }
    await this.#putManifest(name, as, { ...LIST, manifests });
  }

  async stop() {
    this.#front.closeAllConnections();
    this.#front.close();
    const daemon = this.#daemon;
    if (daemon && daemon.exitCode === null) {
      const ended = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill('SIGKILL');
      await ended;
    }
    if (this.folder) fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

function basic() {
  return `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
}

/** @param {http.IncomingMessage} answer @param {http.ServerResponse} response */
function breakOff(answer, response) {
  answer.once('data', (chunk) => {
    answer.destroy();
    response.write(chunk, () => response.destroy());
  });
}

module.exports = { IDENTITY_TOKEN, PASSWORD, REGISTRY_TOKEN, Registry, USER, whyNoRegistry };
