'use strict';

// Proxies: between us and an engine on TCP, and those that the docker command gives to containers.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { docker } = require('../index.js');
const { inspect } = require('./support/docker.js');
const { startProxy } = require('./support/proxy.js');
const { SUITE_TIMEOUT, useSandboxes } = require('./support/sandboxes.js');
const { rejection } = require('./support/wait.js');

/** Sets variables for what reads them now, and puts them back. @param {Record<string, string>} values @param {() => any} work */
function having(values, work) {
  const before = Object.keys(values).map((name) => /** @type {const} */ ([name, process.env[name]]));
  Object.assign(process.env, values);
  try {
    return work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

describe('an engine behind an HTTP proxy', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();
  /** @type {Awaited<ReturnType<typeof startProxy>>} */
  let engine;
  /** What was asked of the proxy. @type {string[]} */
  const asked = [];
  const proxy = http.createServer((_request, response) => response.writeHead(400).end());
  proxy.on('connect', (request, client) => {
    asked.push(request.url ?? '');
    const wanted = `Basic ${Buffer.from('ada:proxy-secret').toString('base64')}`;
    if (request.headers['proxy-authorization'] !== wanted) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    // Whatever host was asked for: only the proxy knows where that is.
    const target = net.connect({ .../** @type {any} */ (engine.server.address()), host: '127.0.0.1' });
    client.on('error', () => target.destroy());
    target.on('error', () => client.destroy());
    target.once('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.pipe(client).pipe(target);
    });
  });

  before(async () => {
    engine = await startProxy({ port: 0, host: '127.0.0.1' });
    await new Promise((resolve) => proxy.listen(0, '127.0.0.1', () => resolve(undefined)));
  });
  after(async () => {
    proxy.closeAllConnections();
    proxy.close();
    await engine.close();
  });

  /** @param {string} login @param {Record<string, string>} [more] */
  const behind = (login, more) => {
    const { port } = /** @type {net.AddressInfo} */ (proxy.address());
    const values = {
      DOCKER_HOST: 'tcp://engine.invalid:2375',
      HTTP_PROXY: `http://${login}@127.0.0.1:${port}`,
      NO_PROXY: '',
      ...more,
    };
    return having(values, () => docker());
  };

  it('is reached through it, live streams too', async () => {
    const sandbox = sandboxes.track(await behind('ada:proxy-secret').sandbox.create());
    assert.equal((await sandbox.runCommand('cat', { stdin: 'through' })).stdout, 'through');
    const { engine: found, session } = (await sandbox.getInfo()).metadata;
    assert.equal(session, 'agent');
    assert.match(
      found.found,
      /^tcp:\/\/engine\.invalid:2375 \(DOCKER_HOST, through the proxy 127\.0\.0\.1:\d+ of HTTP_PROXY\)$/,
    );
    assert.ok(asked.length > 0 && asked.every((target) => target === 'engine.invalid:2375'), `${asked}`);
    assert.ok(!JSON.stringify(found).includes('proxy-secret'));
  });

  it('that refuses us is named, without the password', async () => {
    const error = await rejection(behind('ada:wrong-secret').sandbox.list());
    assert.equal(error.code, 'ERR_DOCKER_UNREACHABLE');
    assert.match(error.message, /the proxy 127\.0\.0\.1:\d+ of HTTP_PROXY: .*authorization required/);
    assert.ok(!`${error.message} ${error.stack} ${error.cause}`.includes('wrong-secret'));
  });

  it('is not used for what NO_PROXY names', async () => {
    asked.length = 0;
    const error = await rejection(behind('ada:proxy-secret', { NO_PROXY: '.invalid' }).sandbox.list());
    assert.equal(error.code, 'ERR_DOCKER_UNREACHABLE');
    assert.deepEqual(asked, []);
  });

  it('of a kind that is not supported is refused at once', () => {
    const values = {
      DOCKER_HOST: 'tcp://engine.invalid:2375',
      HTTP_PROXY: 'https://ada:proxy-secret@p',
      NO_PROXY: '',
    };
    assert.throws(
      () => having(values, () => docker()),
      (/** @type {any} */ error) =>
        error.code === 'ERR_INVALID_CONFIG' &&
        /^HTTP_PROXY: /.test(error.message) &&
        !/secret/.test(error.message),
    );
  });
});

describe('an engine behind a SOCKS proxy', { timeout: SUITE_TIMEOUT }, () => {
  /** An address of this machine's own where the port of SOCKS is free. */
  const HOST = '127.77.0.1';
  const sandboxes = useSandboxes();
  /** @type {Awaited<ReturnType<typeof startProxy>>} */
  let engine;
  /** What was asked of the proxy. @type {string[]} */
  const asked = [];
  // RFC 1928: versions and methods, the method taken, the destination, the answer; then it is a tunnel.
  const proxy = net.createServer((client) => {
    client.on('error', () => undefined);
    client.once('data', () => {
      client.write(Buffer.from([5, 0]));
      client.once('data', (request) => {
        const name = request.subarray(5, 5 + Number(request[4]));
        asked.push(`${name}:${request.readUInt16BE(5 + name.length)}`);
        const target = net.connect({ .../** @type {any} */ (engine.server.address()), host: '127.0.0.1' });
        target.on('error', () => client.destroy());
        client.on('close', () => target.destroy());
        client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
        target.pipe(client).pipe(target);
      });
    });
  });

  before(async () => {
    engine = await startProxy({ port: 0, host: '127.0.0.1' });
    await new Promise((resolve) => proxy.listen(1080, HOST, () => resolve(undefined)));
  });
  after(async () => {
    proxy.close();
    await engine.close();
  });

  it('is reached through it, on the port of SOCKS where none is named', async () => {
    const values = { DOCKER_HOST: 'tcp://engine.invalid:2375', HTTP_PROXY: `socks5://${HOST}`, NO_PROXY: '' };
    const provider = having(values, () => docker());
    const sandbox = sandboxes.track(await provider.sandbox.create());
    assert.equal((await sandbox.runCommand('cat', { stdin: 'through' })).stdout, 'through');
    assert.ok(asked.length > 0 && asked.every((target) => target === 'engine.invalid:2375'), `${asked}`);
    const { engine: found } = (await sandbox.getInfo()).metadata;
    assert.match(found.found, /through the proxy 127\.77\.0\.1:1080 of HTTP_PROXY/);
  });
});

describe("the proxies of docker's config.json", { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'csdk-config-'));
  after(() => fs.rmSync(folder, { recursive: true, force: true }));

  it('become the environment of new sandboxes, below what the caller says', async () => {
    const proxies = { httpProxy: 'http://p.example:3128', noProxy: 'localhost,.example' };
    fs.writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ proxies: { default: proxies } }));
    const provider = having({ DOCKER_CONFIG: folder }, () =>
      docker({ container: { env: { NO_PROXY: 'mine' } } }),
    );
    const sandbox = sandboxes.track(await provider.sandbox.create({ envs: { http_proxy: '' } }));
    const { Env } = (await inspect(sandbox.sandboxId)).Config;
    const set = Env.filter((/** @type {string} */ line) => /_proxy=/i.test(line)).sort();
    assert.deepEqual(set, [
      'HTTP_PROXY=http://p.example:3128',
      'NO_PROXY=mine',
      'http_proxy=',
      'no_proxy=localhost,.example',
    ]);
    const { stdout } = await sandbox.runCommand('echo $HTTP_PROXY');
    assert.equal(stdout, 'http://p.example:3128\n');
  });
});
