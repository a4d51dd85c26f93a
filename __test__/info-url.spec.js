'use strict';

// getInfo and getUrl, against what Docker tells and what answers at the address.

const assert = require('node:assert/strict');
const http = require('node:http');
const { text } = require('node:stream/consumers');
const { describe, it } = require('node:test');
const { docker } = require('../index.js');
const { inspect, witness } = require('./support/docker.js');
const { PYTHON } = require('./support/images.js');
const { startProxy } = require('./support/proxy.js');
const { SUITE_TIMEOUT, useSandboxes } = require('./support/sandboxes.js');
const { rejection, until } = require('./support/wait.js');

describe('getInfo', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('tells what Docker tells', async () => {
    const sandbox = await sandboxes.create({ timeout: 4321 }, { metadata: { team: 'red' } });
    const info = await sandbox.getInfo();
    const { Created, Name } = await inspect(sandbox.sandboxId);
    const { metadata, createdAt, ...rest } = info;
    assert.deepEqual(rest, {
      id: sandbox.sandboxId,
      provider: 'docker',
      runtime: 'python',
      status: 'running',
      timeout: 4321,
    });
    assert.ok(createdAt instanceof Date);
    assert.equal(createdAt.getTime(), Math.trunc(new Date(Created).getTime()));
    assert.equal(metadata.image, PYTHON);
    assert.equal(metadata.name, Name.slice(1));
    assert.equal(metadata.runtime, 'python');
    assert.equal(metadata.team, 'red');
    assert.ok(['agent', 'exec'].includes(metadata.session));
  });

  it('tells a stopped one from a running one, also when paused', async () => {
    const sandbox = await sandboxes.create({ container: { autoRemove: false } });
    // An exec that is just starting when a container is paused makes Docker itself hang.
    await sandbox.runCommand('true');
    const container = witness.getContainer(sandbox.sandboxId);
    await container.pause();
    assert.equal((await sandbox.getInfo()).status, 'running');
    await container.unpause();
    await container.kill();
    await container.wait();
    assert.equal((await sandbox.getInfo()).status, 'stopped');
    const found = await docker().sandbox.getById(sandbox.sandboxId);
    assert.equal((await found.getInfo()).status, 'stopped');
  });
});

/** @param {any} sandbox @param {number} port */
async function serve(sandbox, port) {
  await sandbox.filesystem.writeFile('/tmp/www/index.html', `port ${port}`);
  const background = { background: true, cwd: '/tmp/www' };
  await sandbox.runCommand('sh', ['-lc', `python3 -m http.server ${port}`], background);
}

/** Not by fetch, which does not keep Node alive while a connection is being refused. @param {string} url */
function answerOf(url) {
  return new Promise((resolve) => {
    const request = http.get(url, { timeout: 5000 }, (response) =>
      text(response).then(resolve, () => resolve('')),
    );
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(''));
  });
}

describe('getUrl', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('leads to a published port', async () => {
    const ports = /** @type {const} */ ({ '8080/tcp': [{ hostIP: '127.0.0.1' }] });
    const sandbox = await sandboxes.create({ container: { ports } }, { ports: [8081] });
    const { NetworkSettings } = await inspect(sandbox.sandboxId);
    for (const port of [8080, 8081]) {
      const [{ HostPort }] = NetworkSettings.Ports[`${port}/tcp`];
      const url = await sandbox.getUrl({ port });
      assert.equal(url, `http://localhost:${HostPort}`);
      await serve(sandbox, port);
      await until(async () => (await answerOf(url)) === `port ${port}`, `${url} answers`);
      assert.equal(await sandbox.getUrl({ port, protocol: 'https' }), `https://localhost:${HostPort}`);
    }
  });

  it("leads to the container's own address where the port is not published", async () => {
    const sandbox = await sandboxes.create();
    const { NetworkSettings } = await inspect(sandbox.sandboxId);
    // Docker calls the default network bridge, Podman podman.
    const [{ IPAddress }] = /** @type {any[]} */ (Object.values(NetworkSettings.Networks));
    const url = await sandbox.getUrl({ port: 8080 });
    assert.equal(url, `http://${IPAddress}:8080`);
    await serve(sandbox, 8080);
    await until(async () => (await answerOf(url)) === 'port 8080', `${url} answers`);
    assert.equal(await sandbox.getUrl({ port: 8080, protocol: 'ws' }), `ws://${IPAddress}:8080`);
  });

  it('says what to do where there is neither', async () => {
    const sandbox = await sandboxes.create({ container: { networkMode: 'none' } });
    const error = await rejection(sandbox.getUrl({ port: 8080 }));
    assert.equal(error.code, 'ERR_PORT_NOT_PUBLISHED');
    assert.match(error.message, /8080/);
    assert.match(error.message, /container\.ports/);
  });

  it('leads to localhost where the container shares the network of the host', async () => {
    const sandbox = await sandboxes.create({ container: { networkMode: 'host' } });
    assert.equal(await sandbox.getUrl({ port: 8080 }), 'http://localhost:8080');
  });

  it('names the host of an engine that is reached by TCP', async () => {
    const proxy = await startProxy({ host: '127.0.0.1', port: 0 });
    try {
      const { port } = /** @type {import('node:net').AddressInfo} */ (proxy.server.address());
      const connection = { host: '127.0.0.1', port, protocol: /** @type {const} */ ('http') };
      const sandbox = await sandboxes.create({ connection }, { ports: [8080] });
      const { NetworkSettings } = await inspect(sandbox.sandboxId);
      const [{ HostPort }] = NetworkSettings.Ports['8080/tcp'];
      assert.equal(await sandbox.getUrl({ port: 8080 }), `http://127.0.0.1:${HostPort}`);
    } finally {
      await proxy.close();
    }
  });

  it('refuses what is no port', async () => {
    const sandbox = await sandboxes.create();
    for (const options of [
      undefined,
      {},
      { port: '80' },
      { port: 0 },
      { port: 70_000 },
      { port: 80.5 },
      { prot: 80 },
    ]) {
      const error = await rejection(sandbox.getUrl(/** @type {any} */ (options)));
      assert.equal(error.code, 'ERR_INVALID_CONFIG', JSON.stringify(options));
    }
  });
});
