'use strict';

// Finding an engine, and what is said where there is none: each way in which a connection can go wrong answers soon,
// with what was tried and why.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { docker } = require('../index.js');
const { startProxy } = require('./support/proxy.js');
const { SUITE_TIMEOUT, useSandboxes } = require('./support/sandboxes.js');
const { rejection, within } = require('./support/wait.js');

/** Five seconds, and what a loaded machine adds. */
const SOON = 10_000;

/** @param {net.Server} server @returns {Promise<number>} its port */
async function listen(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  return /** @type {net.AddressInfo} */ (server.address()).port;
}

/** A server that answers everything so. @param {Record<string, string>} headers @param {string} body */
function web(headers, body) {
  return http.createServer((_request, response) => response.writeHead(200, headers).end(body));
}

describe('an engine that cannot be reached', { timeout: SUITE_TIMEOUT }, () => {
  const html = web({ 'content-type': 'text/html' }, '<html>Welcome</html>');
  const old = web({ 'api-version': '1.24' }, 'OK');
  /** @type {Set<net.Socket>} */
  const held = new Set();
  const silent = net.createServer((socket) => held.add(socket.on('error', () => undefined)));
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'csdk-connect-'));
  /** @type {Record<string, number>} */
  const ports = {};

  before(async () => {
    for (const [name, server] of Object.entries({ html, old, silent })) ports[name] = await listen(server);
    // A port where nothing listens any more.
    const gone = net.createServer();
    ports.gone = await listen(gone);
    await new Promise((resolve) => gone.close(resolve));
    fs.writeFileSync(path.join(folder, 'file'), '');
  });
  after(() => {
    for (const socket of held) socket.destroy();
    for (const server of [html, old, silent]) server.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  /** @type {Array<[string, () => import('../index').DockerConnection, RegExp]>} */
  const cases = [
    [
      'a socket that is not there',
      () => ({ socketPath: '/nowhere/docker.sock' }),
      /unix:\/\/\/nowhere.*no such socket/,
    ],
    ['a file that is no socket', () => ({ socketPath: path.join(folder, 'file') }), /nothing listens there/],
    ['a port where nothing listens', () => ({ host: '127.0.0.1', port: ports.gone }), /connection refused/],
    ['a name that is none', () => ({ host: 'engine.invalid' }), /tcp:\/\/engine\.invalid:2375/],
    [
      'something that says nothing',
      () => ({ host: '127.0.0.1', port: ports.silent }),
      /did not answer within 5000 ms/,
    ],
    [
      'silence under TLS',
      () => ({ host: '127.0.0.1', port: ports.silent, protocol: 'https' }),
      /no connection within 5000 ms/,
    ],
    [
      'plain HTTP under TLS',
      () => ({ host: '127.0.0.1', port: ports.html, protocol: 'https' }),
      /does not speak TLS/,
    ],
    [
      'a web page',
      () => ({ host: '127.0.0.1', port: ports.html }),
      /something answers .* but no Docker engine/,
    ],
    [
      'a pipe on another system',
      () => ({ socketPath: '//./pipe/docker_engine' }),
      /named pipes are of Windows/,
    ],
  ];
  for (const [what, connection, told] of cases) {
    it(`is told soon: ${what}`, { skip: process.platform === 'win32' && 'other words there' }, async () => {
      const error = await within(rejection(docker({ connection: connection() }).sandbox.list()), what, SOON);
      assert.equal(error.code, 'ERR_DOCKER_UNREACHABLE', error.message);
      assert.match(error.message, told);
      assert.match(error.message, /is it running, and is DOCKER_HOST right\?/);
    });
  }

  it('is told soon: an engine that is too old', async () => {
    const provider = docker({ connection: { host: '127.0.0.1', port: ports.old } });
    const error = await within(rejection(provider.sandbox.list()), 'the answer', SOON);
    assert.equal(error.code, 'ERR_DOCKER_API');
    assert.match(error.message, /speaks Docker API 1\.24, and 1\.41 \(Docker 20\.10\) or newer is needed/);
  });
});

/** The proxies read the variable too, later. @param {string} host */
function providerUnder(host) {
  const original = process.env.DOCKER_HOST;
  process.env.DOCKER_HOST = host;
  try {
    return docker();
  } finally {
    if (original === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = original;
  }
}

describe('DOCKER_HOST', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('is read when a provider is made: two of them may speak to two engines', async () => {
    const [one, two] = await Promise.all([startProxy(), startProxy()]);
    try {
      const [first, second] = [one, two].map(({ socketPath }) => providerUnder(`unix://${socketPath}`));
      const sandbox = sandboxes.track(await /** @type {any} */ (first).sandbox.create());
      assert.ok(await second?.sandbox.getById(sandbox.sandboxId));
      assert.equal((await sandbox.getInfo()).metadata.engine.found, `unix://${one.socketPath} (DOCKER_HOST)`);
      assert.equal(one.sent(/^POST \/containers\/create/).length > 0, true);
      assert.deepEqual(two.sent(/^POST/), []);
      assert.equal(two.sent(/^GET \/containers\/.*\/json/).length, 1);
      await sandbox.destroy();
    } finally {
      await Promise.all([one.close(), two.close()]);
    }
  });
});

describe('a connection', { timeout: SUITE_TIMEOUT }, () => {
  it('is one of few, however many calls there are', async () => {
    const proxy = await startProxy();
    try {
      const provider = docker({ connection: { socketPath: proxy.socketPath } });
      // Those that are being closed count too, until the machine comes to it.
      let most = 0;
      const watch = setInterval(() => {
        most = Math.max(most, proxy.connections);
      }, 5);
      const found = await Promise.all(
        Array.from({ length: 1000 }, () => provider.sandbox.getById('0'.repeat(64))),
      );
      clearInterval(watch);
      assert.ok(found.every((sandbox) => sandbox === null));
      assert.ok(most > 0 && most < 200, `${most} connections`);
    } finally {
      await proxy.close();
    }
  });
});
