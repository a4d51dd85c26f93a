'use strict';

// What goes wrong with files fails with Node's codes, path and syscall.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { eachUserland, shareSandbox } = require('./support/sandboxes.js');
const { rejection } = require('./support/wait.js');

/**
 * @param {Promise<unknown>} call
 * @param {{ code: string | RegExp, path: string, syscall?: string }} expected
 */
async function assertFails(call, { code, path, syscall }) {
  const error = await rejection(call);
  assert.equal(error.name, 'DockerProviderError');
  assert.match(error.code, new RegExp(`^(${code instanceof RegExp ? code.source : code})$`), error.message);
  assert.equal(error.path, path);
  if (syscall) assert.equal(error.syscall, syscall);
  else assert.match(error.syscall, /^[a-z]+$/);
  assert.ok(error.message.includes(error.code) && error.message.includes(path), error.message);
}

eachUserland('filesystem errors', ({ config }) => {
  const shared = shareSandbox({
    ...config,
    createOptions: { HostConfig: { Tmpfs: { '/small': 'size=1m,mode=1777' } } },
  });

  it('tell what is missing', async () => {
    const { filesystem } = shared.sandbox;
    const path = '/no/such/place';
    await assertFails(filesystem.readFile(path), { code: 'ENOENT', path, syscall: 'open' });
    await assertFails(filesystem.readdir(path), { code: 'ENOENT', path, syscall: 'scandir' });
    await assertFails(filesystem.readFile('relative'), { code: 'ENOENT', path: 'relative', syscall: 'open' });
  });

  it('tell a folder from a file', async () => {
    const { filesystem } = shared.sandbox;
    await filesystem.writeFile('/tmp/file', 'kept');
    await assertFails(filesystem.readFile('/tmp'), { code: 'EISDIR', path: '/tmp' });
    await assertFails(filesystem.writeFile('/tmp', 'x'), { code: 'EISDIR', path: '/tmp', syscall: 'open' });
    await assertFails(filesystem.readdir('/tmp/file'), { code: 'ENOTDIR', path: '/tmp/file' });
    const below = '/tmp/file/below';
    await assertFails(filesystem.readFile(below), { code: 'ENOTDIR', path: below });
    await assertFails(filesystem.writeFile(below, 'x'), { code: 'ENOTDIR', path: below });
    await assertFails(filesystem.mkdir(below), { code: 'ENOTDIR', path: below });
    await assertFails(filesystem.readdir(below), { code: 'ENOTDIR', path: below });
    await assertFails(filesystem.mkdir('/tmp/file'), { code: /EEXIST|ENOTDIR/, path: '/tmp/file' });
    assert.equal(await filesystem.readFile('/tmp/file'), 'kept');
  });

  it('tell names that are too long', async () => {
    const path = `/tmp/${'x'.repeat(256)}`;
    const { filesystem } = shared.sandbox;
    await assertFails(filesystem.writeFile(path, ''), { code: 'ENAMETOOLONG', path });
    await assertFails(filesystem.readFile(path), { code: 'ENAMETOOLONG', path });
  });

  it('tell a full disk, and files work again when there is room', async () => {
    const { filesystem } = shared.sandbox;
    const path = '/small/file';
    await assertFails(filesystem.writeFile(path, Buffer.alloc(5_000_000)), { code: 'ENOSPC', path });
    await filesystem.remove(path);
    await filesystem.writeFile(path, 'fits');
    assert.equal(await filesystem.readFile(path), 'fits');
  });
});

eachUserland('filesystem errors of an unprivileged user', ({ config }) => {
  const shared = shareSandbox({
    ...config,
    container: { user: 'nobody', workdir: '/tmp' },
    createOptions: { HostConfig: { Tmpfs: { '/tmp': 'mode=1777' } } },
  });

  it('tell what is not allowed', async () => {
    const { sandbox } = shared;
    const { filesystem } = sandbox;
    const root = { user: 'root' };
    await sandbox.runCommand(
      'mkdir -m 700 /closed; : > /closed/file; mkdir /fixed; : > /fixed/file; chmod 600 /fixed/file',
      root,
    );
    await assertFails(filesystem.readFile('/fixed/file'), { code: 'EACCES', path: '/fixed/file' });
    await assertFails(filesystem.writeFile('/fixed/file', 'x'), { code: 'EACCES', path: '/fixed/file' });
    await assertFails(filesystem.writeFile('/fixed/new', 'x'), { code: 'EACCES', path: '/fixed/new' });
    await assertFails(filesystem.mkdir('/fixed/new'), { code: 'EACCES', path: '/fixed/new' });
    await assertFails(filesystem.readdir('/closed'), { code: 'EACCES', path: '/closed' });
    await assertFails(filesystem.remove('/fixed/file'), { code: 'EACCES', path: '/fixed/file' });
    assert.equal(await filesystem.exists('/fixed/file'), true);
    assert.equal((await sandbox.runCommand('ls /fixed', root)).stdout, 'file\n');
  });

  it('does not keep that user from its own files', async () => {
    const { sandbox } = shared;
    await sandbox.filesystem.writeFile('sub/own', 'mine');
    assert.equal(await sandbox.filesystem.readFile('/tmp/sub/own'), 'mine');
    const { stdout } = await sandbox.runCommand('stat -c "%u %a" sub/own sub');
    assert.deepEqual(stdout, '65534 644\n65534 755\n');
    await sandbox.filesystem.remove('sub');
  });
});

eachUserland('filesystem errors of a read-only root', ({ config }) => {
  const shared = shareSandbox({
    ...config,
    container: { workdir: '/tmp' },
    createOptions: { HostConfig: { ReadonlyRootfs: true, Tmpfs: { '/tmp': 'mode=1777' } } },
  });

  it('tell that it is read-only', async () => {
    const { filesystem } = shared.sandbox;
    await assertFails(filesystem.writeFile('/etc/passwd', 'x'), { code: 'EROFS', path: '/etc/passwd' });
    await assertFails(filesystem.writeFile('/new/file', 'x'), { code: 'EROFS', path: '/new/file' });
    await assertFails(filesystem.mkdir('/new'), { code: 'EROFS', path: '/new' });
    await assertFails(filesystem.remove('/etc/passwd'), { code: 'EROFS', path: '/etc/passwd' });
    assert.match(await filesystem.readFile('/etc/passwd'), /^root:/);
    await filesystem.writeFile('works', 'here');
    assert.equal(await filesystem.readFile('/tmp/works'), 'here');
  });
});
