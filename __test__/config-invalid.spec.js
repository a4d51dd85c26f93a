'use strict';

// A bad config throws at once, naming the key's path and what was expected. No Docker is needed for this.

const assert = require('node:assert/strict');
const { inspect } = require('node:util');
const { describe, it } = require('node:test');
const { docker } = require('../index.js');

/** @type {Array<[string, any, RegExp]>} */
const TABLE = [
  ['a string', 'python', /config.*object/],
  ['a list', [], /config.*object/],
  ['an unknown runtime', { runtime: 'ruby' }, /^runtime\b.*ruby.*python/s],
  ['an unknown key', { runtme: 'python' }, /runtme.*runtime/s],
  ['an unknown key of another name', { dockerHost: 'x' }, /dockerHost/],
  [
    'an unknown key deep inside',
    { container: { resources: { memroy: 1 } } },
    /container\.resources.*memroy.*memory/s,
  ],
  ['an unknown key of the image', { image: { nmae: 'x' } }, /image.*nmae.*name/s],
  [
    'an unknown key of the connection',
    { connection: { sockPath: '/x' } },
    /connection.*sockPath.*socketPath/s,
  ],
  ['a timeout that is no number', { timeout: '5' }, /^timeout\b.*number|^timeout\b.*integer|^timeout\b/],
  ['a negative timeout', { timeout: -5 }, /^timeout\b/],
  ['a timeout that is not finite', { timeout: Number.NaN }, /^timeout\b/],
  ['an image that is no object', { image: 'python:3.11-slim' }, /^image\b/],
  ['an image name that is no string', { image: { name: 5 } }, /^image\.name\b/],
  ['an empty image name', { image: { name: '' } }, /^image\.name\b/],
  ['an image name that none can have', { image: { name: 'Upper Case:1' } }, /^image\.name\b/],
  ['an unknown pull policy', { image: { pullPolicy: 'sometimes' } }, /^image\.pullPolicy\b.*ifNotPresent/s],
  ['a container that is no object', { container: [] }, /^container\b/],
  ['a user that is no string', { container: { user: 1000 } }, /^container\.user\b/],
  ['a relative workdir', { container: { workdir: 'app' } }, /^container\.workdir\b/],
  ['an env value that is no string', { container: { env: { A: { b: 1 } } } }, /^container\.env\.A\b/],
  ['an env name with =', { container: { env: { 'A=B': 'x' } } }, /^container\.env\b/],
  ['binds that are no list', { container: { binds: '/a:/b' } }, /^container\.binds\b/],
  ['a bind that is no string', { container: { binds: ['/a:/b', 5] } }, /^container\.binds\[1\]/],
  ['a bind without a target', { container: { binds: ['/a'] } }, /^container\.binds\[0\]/],
  ['a port out of range', { container: { ports: { '70000/tcp': [{}] } } }, /^container\.ports\b.*70000/s],
  [
    'a port of an unknown protocol',
    { container: { ports: { '80/http': [{}] } } },
    /^container\.ports\b.*80\/http/s,
  ],
  ['port bindings that are no list', { container: { ports: { '80/tcp': {} } } }, /^container\.ports\b/],
  [
    'a host port out of range',
    { container: { ports: { '80/tcp': [{ hostPort: 70_000 }] } } },
    /^container\.ports.*hostPort.*70000|^container\.ports.*hostPort/s,
  ],
  [
    'an unknown key of a binding',
    { container: { ports: { '80/tcp': [{ hostport: 80 }] } } },
    /container\.ports.*hostport.*hostPort/s,
  ],
  ['a privileged that is no boolean', { container: { privileged: 'yes' } }, /^container\.privileged\b/],
  [
    'capabilities that are a list',
    { container: { capabilities: ['NET_ADMIN'] } },
    /^container\.capabilities\b/,
  ],
  [
    'a capability that is no string',
    { container: { capabilities: { add: [1] } } },
    /^container\.capabilities\.add\[0\]/,
  ],
  ['gpus that are a boolean', { container: { gpus: true } }, /^container\.gpus\b/],
  ['a negative number of gpus', { container: { gpus: -2 } }, /^container\.gpus\b/],
  ['memory as text', { container: { resources: { memory: '512m' } } }, /^container\.resources\.memory\b/],
  ['negative memory', { container: { resources: { memory: -1 } } }, /^container\.resources\.memory\b/],
  ['half a byte of memory', { container: { resources: { memory: 0.5 } } }, /^container\.resources\.memory\b/],
  [
    'a ulimit without a name',
    { container: { resources: { ulimits: [{ soft: 1, hard: 1 }] } } },
    /^container\.resources\.ulimits\[0\].*name/s,
  ],
  ['a tty that is no boolean', { container: { tty: 1 } }, /^container\.tty\b/],
  ['log options that are no strings', { container: { logOpts: { 'max-file': 2 } } }, /^container\.logOpts/],
  ['createOptions that are no object', { createOptions: 'x' }, /^createOptions\b/],
  ['a function in createOptions', { createOptions: { Cmd: () => {} } }, /^createOptions\.Cmd\b/],
  ['startOptions that are a list', { startOptions: [] }, /^startOptions\b/],
  ['an unknown cleanup', { cleanup: 'sometimes' }, /^cleanup\b.*onSuccess/s],
  ['a streamLogs that is no boolean', { streamLogs: 'yes' }, /^streamLogs\b/],
  ['an unknown session', { session: 'ssh' }, /^session\b.*agent/s],
  [
    'a connection port out of range',
    { connection: { host: 'x', port: 70_000 } },
    /^connection\.(port|host)\b.*70000/,
  ],
  ['an unknown protocol', { connection: { host: 'x', protocol: 'ftp' } }, /^connection\.protocol\b/],
  ['headers that are no strings', { connection: { headers: { a: 1 } } }, /^connection\.headers/],
];

describe('an invalid config', () => {
  for (const [what, config, told] of TABLE) {
    it(`throws on ${what}`, () => {
      assert.throws(
        () => docker(config),
        (/** @type {any} */ error) => {
          assert.equal(error.name, 'DockerProviderError', error.stack);
          assert.equal(error.code, 'ERR_INVALID_CONFIG');
          assert.match(error.message, told);
          return true;
        },
      );
    });
  }

  it('names the line that called, not one of ours', () => {
    assert.throws(
      () => docker({ runtime: /** @type {any} */ ('ruby') }),
      (/** @type {Error} */ error) => (error.stack ?? '').split('\n')[1].includes('config-invalid.spec.js'),
    );
  });

  it('never shows a credential', () => {
    const secret = 's3cret-value';
    const configs = [
      { image: { auth: { pasword: secret } } },
      { image: { auth: { password: [secret] } } },
      { image: { auth: secret } },
      { image: { auth: { username: 5, password: secret } } },
      { connection: { key: { pem: secret } } },
      { connection: { key: secret, port: 'x' } },
    ];
    for (const config of configs) {
      assert.throws(
        () => docker(/** @type {any} */ (config)),
        (/** @type {any} */ error) => {
          assert.equal(error.code, 'ERR_INVALID_CONFIG');
          assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes(secret), error.message);
          return true;
        },
      );
    }
  });
});

describe('a valid config', () => {
  /** @type {any[]} */
  const accepted = [
    undefined,
    null,
    {},
    { image: {} },
    { image: undefined, container: undefined },
    { runtime: 'node', timeout: 1000 },
    { image: { name: 'localhost:5000/team/image' } },
    { image: { name: `registry.example.com:5000/a/b@sha256:${'a'.repeat(64)}` } },
    { container: { ports: { '80/tcp': [], '53/udp': [{}], '81/tcp': [{ hostPort: 0 }] } } },
    { container: { resources: { memorySwap: -1, pidsLimit: -1 } } },
    { container: { gpus: 'all' } },
    { connection: { host: '127.0.0.1', port: '2375', protocol: 'http' } },
    { createOptions: { HostConfig: { Anything: { At: ['all', 1, null] } } } },
  ];
  for (const config of accepted) {
    it(`may be ${inspect(config, { depth: 10, breakLength: Number.POSITIVE_INFINITY })}`, () => {
      assert.equal(docker(config).name, 'docker');
    });
  }

  it('is not kept by reference', () => {
    const config = Object.freeze({ runtime: /** @type {const} */ ('python') });
    assert.equal(docker(config).name, 'docker');
  });

  it('keeps credentials out of inspect, spread and JSON', () => {
    const secret = 's3cret-value';
    const provider = docker({ image: { name: 'x/y:1', auth: { username: 'u', password: secret } } });
    const shown = [
      inspect(provider, { depth: 10, showHidden: true }),
      JSON.stringify(provider),
      inspect({ ...provider }),
    ];
    for (const text of shown) assert.ok(!text.includes(secret), text);
  });
});
