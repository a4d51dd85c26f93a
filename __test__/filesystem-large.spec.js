'use strict';

// Files that are large enough to go in by the engine's archive API: the same call, the same outcome.

const assert = require('node:assert/strict');
const { createHash, randomBytes } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, it } = require('node:test');
const { docker } = require('../index.js');
const { witness } = require('./support/docker.js');
const { startProxy } = require('./support/proxy.js');
const { SUITE_TIMEOUT, shareSandbox } = require('./support/sandboxes.js');
const { rejection, within } = require('./support/wait.js');

/** @typedef {import('../index').DockerSandbox} DockerSandbox */

const LARGE = 20_000_000;
const content = randomBytes(LARGE);

/** @param {DockerSandbox} sandbox @param {string} path */
async function sum(sandbox, path) {
  return (await sandbox.runCommand('sha256sum', [path])).stdout.split(' ')[0];
}

/** @param {Uint8Array} bytes */
const sumOf = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** @param {DockerSandbox} sandbox @param {string[]} args */
async function lines(sandbox, ...args) {
  return (await sandbox.runCommand(args[0], args.slice(1))).stdout.trim().split('\n');
}

/**
 * Counts the archives that go into the container and out of it during the work, where the engine tells: Podman does not.
 * @param {string} id @param {{ in?: number, out?: number }} expected @param {() => Promise<unknown>} work
 */
async function withArchives(id, expected, work) {
  const seconds = () => Date.now() / 1000;
  const since = seconds();
  await work();
  const filters = { container: [id], event: ['extract-to-dir', 'archive-path'] };
  const events = await witness.getEvents({ since, until: seconds() + 0.01, filters });
  let text = '';
  for await (const chunk of events) text += chunk;
  const count = (/** @type {string} */ name) => text.split(`"Action":"${name}"`).length - 1;
  const { Components } = await witness.version();
  if (Components?.[0]?.Name !== 'Podman Engine') {
    const counted = { in: count('extract-to-dir'), out: count('archive-path') };
    assert.deepEqual(counted, { in: 0, out: 0, ...expected });
  }
}

describe('filesystem: large files', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({
    image: { name: 'python:3.11-slim' },
    createOptions: { HostConfig: { Tmpfs: { '/small': 'size=24m,mode=1777' } } },
  });

  it('go in by the archive API, with parents, mode and owner as small ones', async () => {
    const { sandbox } = shared;
    const path = 'new/parents/large file';
    await withArchives(shared.id, { in: 1 }, () => sandbox.filesystem.writeFile(path, content));
    assert.equal(await sum(sandbox, path), sumOf(content));
    await sandbox.filesystem.writeFile('new/small', 'x');
    const facts = await lines(sandbox, 'stat', '-c', '%u %g %a', path, 'new/small');
    assert.equal(facts[0], facts[1]);
    assert.deepEqual(await lines(sandbox, 'ls', '-A', 'new/parents'), ['large file']);
    const age = Date.now() - (await sandbox.filesystem.stat(path)).modified.getTime();
    assert.ok(Math.abs(age) < 600_000, `changed ${age} ms ago`);
  });

  it('replace what was there in place, through links', async () => {
    const { sandbox } = shared;
    await sandbox.runCommand(`head -c 30000000 /dev/zero > /tmp/old; chmod 751 /tmp/old; chown 1:2 /tmp/old
      ln /tmp/old /tmp/second-name; ln -s old /tmp/link`);
    const before = await lines(sandbox, 'stat', '-c', '%i %u %g %a %h', '/tmp/old');
    await withArchives(shared.id, { in: 1 }, () => sandbox.filesystem.writeFile('/tmp/link', content));
    assert.deepEqual(await lines(sandbox, 'stat', '-c', '%i %u %g %a %h', '/tmp/old'), before);
    assert.equal(await sum(sandbox, '/tmp/second-name'), sumOf(content));
    assert.equal(
      (await sandbox.runCommand('readlink /tmp/link; ls -A /tmp | grep computesdk')).stdout,
      'old\n',
    );
  });

  it('go through the agent where the engine does not see the place', async () => {
    const { sandbox } = shared;
    await withArchives(shared.id, {}, async () => {
      await sandbox.filesystem.writeFile('/small/large', content);
      await sandbox.filesystem.writeFile('/dev/shm/large', content);
    });
    assert.equal(await sum(sandbox, '/small/large'), sumOf(content));
    assert.equal(await sum(sandbox, '/dev/shm/large'), sumOf(content));
    await sandbox.runCommand('rm /small/* /dev/shm/*');
  });

  it('come to this machine by the archive API too, where the engine sees them', async () => {
    const { sandbox } = shared;
    const { filesystem } = sandbox;
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'computesdk-large-'));
    const back = path.join(folder, 'a name that is rather long '.repeat(9));
    try {
      for (const [place, out] of /** @type {Array<[string, number]>} */ ([
        ['/tmp/for here', 1],
        [`/tmp/${'a long name '.repeat(20)}`, 1],
        ['/small/for here', 0],
      ])) {
        await filesystem.writeFile(place, content);
        await sandbox.runCommand(`chmod 640 '${place}'; ln -sf '${place}' /tmp/to-it`);
        await withArchives(shared.id, { out }, () => filesystem.download('/tmp/to-it', back));
        assert.ok(content.equals(fs.readFileSync(back)));
        assert.equal(fs.statSync(back).mode & 0o777, 0o640);
      }
      await sandbox.runCommand('rm /small/*');
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });

  it('fail as small ones do', async () => {
    const { filesystem } = shared.sandbox;
    await filesystem.writeFile('/tmp/file', 'kept');
    for (const [path, code] of [
      ['/tmp', 'EISDIR'],
      ['/tmp/file/below', 'ENOTDIR'],
      [`/tmp/${'x'.repeat(256)}`, 'ENAMETOOLONG'],
      ['/tmp/folder/', 'EISDIR'],
    ]) {
      const error = await rejection(filesystem.writeFile(path, content));
      assert.equal(error.code, code, path);
      assert.equal(error.path, path);
    }
    const full = await rejection(filesystem.writeFile('/small/full', Buffer.alloc(30_000_000)));
    assert.equal(full.code, 'ENOSPC');
    assert.equal(await filesystem.readFile('/tmp/file'), 'kept');
  });

  it('go in several at a time, beside small ones', async () => {
    const { sandbox } = shared;
    const files = Array.from({ length: 3 }, (_, at) => `/tmp/several/${at}`);
    await Promise.all([
      ...files.map((path) => sandbox.filesystem.writeFile(path, content)),
      ...files.map((path) => sandbox.filesystem.writeFile(`${path}.small`, path)),
    ]);
    for (const path of files) assert.equal(await sum(sandbox, path), sumOf(content));
    assert.equal((await sandbox.filesystem.readdir('/tmp/several')).length, 6);
  });

  it('end with the sandbox, clearly', async () => {
    const doomed = await docker({ image: { name: 'python:3.11-slim' } }).sandbox.create();
    const writing = doomed.filesystem.writeFile('/tmp/large', Buffer.alloc(200_000_000)).then(
      () => 'was faster',
      (error) => error.code,
    );
    await doomed.destroy();
    assert.match(await within(writing, 'the write'), /^(ERR_SESSION_LOST|ERR_SANDBOX_NOT_FOUND|was faster)$/);
  });
});

describe('filesystem: large files on a slow way', { timeout: SUITE_TIMEOUT }, () => {
  // Longer than a call may be quiet before its container is looked at.
  const HELD = 2000;

  it('come whole, though the engine answers no inspect until they have come', async () => {
    const proxy = await startProxy();
    const provider = docker({
      image: { name: 'python:3.11-slim' },
      connection: { socketPath: proxy.socketPath },
    });
    const sandbox = await provider.sandbox.create();
    const target = path.join(os.tmpdir(), `csdk-slow-${process.pid}`);
    /** @type {number[]} */
    const asked = [];
    proxy.onRequest = ({ method, url }) => {
      if (method !== 'GET' || !url.includes('/archive?')) return undefined;
      asked.push(Date.now());
      return HELD;
    };
    try {
      for (const name of ['one', 'two']) await sandbox.filesystem.writeFile(`/tmp/large/${name}`, content);
      await within(sandbox.filesystem.download('/tmp/large', target), 'the download');
      for (const name of ['one', 'two']) assert.ok(fs.readFileSync(path.join(target, name)).equals(content));
      assert.equal(asked.length, 2);
      assert.ok(asked[1] - asked[0] >= HELD, 'the second waits here, not at the engine');
    } finally {
      fs.rmSync(target, { recursive: true, force: true });
      await sandbox.destroy();
      await proxy.close();
    }
  });
});

describe('filesystem: large files of an unprivileged user', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({
    image: { name: 'python:3.11-slim' },
    container: { user: 'nobody', workdir: '/tmp' },
  });

  it('belong to that user, and end where it has no rights', async () => {
    const { sandbox } = shared;
    const root = { user: 'root' };
    await sandbox.runCommand(
      'mkdir -m 777 /open; mkdir /fixed; : > /fixed/theirs; chown nobody /fixed/theirs; : > /fixed/other',
      root,
    );
    await withArchives(shared.id, { in: 1 }, () => sandbox.filesystem.writeFile('/open/large', content));
    assert.equal(await sum(sandbox, '/open/large'), sumOf(content));
    assert.deepEqual(await lines(sandbox, 'stat', '-c', '%U %a', '/open/large'), ['nobody 644']);
    // Its own file in a folder where it may make none.
    await sandbox.filesystem.writeFile('/fixed/theirs', content);
    assert.equal(await sum(sandbox, '/fixed/theirs'), sumOf(content));
    for (const path of ['/fixed/other', '/fixed/new', '/etc/passwd']) {
      assert.equal((await rejection(sandbox.filesystem.writeFile(path, content))).code, 'EACCES', path);
    }
    assert.deepEqual(await lines(sandbox, 'ls', '-A', '/fixed'), ['other', 'theirs']);
  });
});
