'use strict';

// sandbox.filesystem: stat, rename, copy and chmod, on both sessions and both userlands.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { eachSession, eachUserland, shareSandbox, useSandboxes } = require('./support/sandboxes.js');
const { PYTHON } = require('./support/images.js');
const { rejection } = require('./support/wait.js');
const { HARD_NAMES } = require('./support/words.js');

/** @typedef {import('../index').DockerSandbox} DockerSandbox */

/** @param {DockerSandbox} sandbox @param {string} script */
const printed = async (sandbox, script) => (await sandbox.runCommand(script)).stdout;

/** @param {Promise<unknown>} call @param {string | RegExp} code @param {string} path */
async function refused(call, code, path) {
  const error = await rejection(call);
  assert.match(error.code, code instanceof RegExp ? code : new RegExp(`^${code}$`), error.message);
  assert.equal(error.path, path);
}

eachUserland('filesystem: stat and chmod', ({ config }) => {
  const shared = shareSandbox(config);

  it('tell and change what is there', async () => {
    const { sandbox } = shared;
    await printed(
      sandbox,
      `mkdir -p /tmp/s/folder; cd /tmp/s; printf 12345 > file; chmod 2640 file; chown 7:8 file
      chmod 2640 file; touch -t 200102030405.06 file; ln -s file link; ln -s 'no where' broken; mkfifo fifo`,
    );
    const { filesystem } = sandbox;
    const file = await filesystem.stat('/tmp/s/file');
    const { accessed, changed, ...rest } = file;
    const time = new Date('2001-02-03T04:05:06.000Z');
    assert.deepEqual(rest, {
      path: '/tmp/s/file',
      type: 'file',
      isFile: true,
      isDirectory: false,
      isSymbolicLink: false,
      size: 5,
      mode: 0o2640,
      uid: 7,
      gid: 8,
      modified: time,
      lastModified: time,
    });
    assert.ok(accessed instanceof Date && Math.abs(Date.now() - changed.getTime()) < 3_600_000);
    assert.equal((await filesystem.stat('/tmp/s/link')).size, 5);
    const link = await filesystem.stat('/tmp/s/link', { followLinks: false });
    assert.deepEqual([link.type, link.isSymbolicLink, link.target], ['link', true, 'file']);
    const broken = await filesystem.stat('/tmp/s/broken', { followLinks: false });
    assert.equal(broken.target, 'no where');
    assert.equal((await filesystem.stat('/tmp/s/folder')).isDirectory, true);
    assert.equal((await filesystem.stat('/tmp/s/fifo')).type, 'other');
    assert.equal((await filesystem.stat('/dev/null')).type, 'other');
    await filesystem.chmod('/tmp/s/link', 0o751);
    assert.equal(await printed(sandbox, 'stat -c %a /tmp/s/file'), '751\n');
    await filesystem.chmod('/tmp/s/file', '600');
    assert.equal((await filesystem.stat('/tmp/s/file')).mode, 0o600);
  });

  it('fail with Node codes', async () => {
    const { filesystem } = shared.sandbox;
    await filesystem.writeFile('/tmp/file', '');
    await refused(filesystem.stat('/tmp/missing'), 'ENOENT', '/tmp/missing');
    await refused(filesystem.stat('/tmp/file/below'), 'ENOTDIR', '/tmp/file/below');
    await refused(filesystem.chmod('/tmp/missing', 0o600), 'ENOENT', '/tmp/missing');
    for (const mode of [-1, 0o10000, 1.5, 'rwx', '8', undefined, null]) {
      const error = await rejection(filesystem.chmod('/tmp/file', /** @type {any} */ (mode)));
      assert.equal(error.code, 'ERR_INVALID_CONFIG', String(mode));
    }
    const unknown = await rejection(filesystem.stat('/tmp', /** @type {any} */ ({ followLink: true })));
    assert.match(unknown.message, /followLinks/);
  });
});

eachUserland('filesystem: rename and copy', ({ config }) => {
  const shared = shareSandbox({
    ...config,
    createOptions: { HostConfig: { Tmpfs: { '/other': 'mode=1777' } } },
  });

  it('move files and folders, between file systems too', async () => {
    const { sandbox } = shared;
    const { filesystem } = sandbox;
    await printed(sandbox, 'mkdir -p /tmp/m/a/b /tmp/m/empty; echo 1 > /tmp/m/a/b/f; ln -s f /tmp/m/a/b/l');
    await filesystem.writeFile('/tmp/m/one', 'one');
    await filesystem.writeFile('/tmp/m/two', 'two');
    await filesystem.rename('/tmp/m/one', '/tmp/m/two');
    assert.equal(await filesystem.readFile('/tmp/m/two'), 'one');
    assert.equal(await filesystem.exists('/tmp/m/one'), false);
    await filesystem.rename('/tmp/m/a', '/tmp/m/empty');
    assert.equal(await printed(sandbox, 'cat /tmp/m/empty/b/l; ls /tmp/m'), '1\nempty\ntwo\n');
    await filesystem.rename('/tmp/m/empty', '/other/moved');
    assert.equal(await printed(sandbox, 'readlink /other/moved/b/l; ls /tmp/m'), 'f\ntwo\n');
    await filesystem.rename('/tmp/m/two', '/other/two');
    assert.equal(await filesystem.readFile('/other/two'), 'one');
    // A folder of the image itself: the file system in layers does not rename it.
    await filesystem.rename('/var/tmp', '/var/renamed');
    assert.equal(await filesystem.exists('/var/tmp'), false);
    assert.equal((await filesystem.stat('/var/renamed')).isDirectory, true);
  });

  it('refuse to move what cannot be moved, and leave it', async () => {
    const { sandbox } = shared;
    const { filesystem } = sandbox;
    await printed(
      sandbox,
      'mkdir -p /tmp/r/full /tmp/r/folder; echo x > /tmp/r/full/x; echo f > /tmp/r/file',
    );
    await refused(filesystem.rename('/tmp/r/missing', '/tmp/r/new'), 'ENOENT', '/tmp/r/missing');
    await refused(filesystem.rename('/tmp/r/file', '/tmp/r/folder'), 'EISDIR', '/tmp/r/file');
    await refused(filesystem.rename('/tmp/r/folder', '/tmp/r/file'), 'ENOTDIR', '/tmp/r/folder');
    await refused(filesystem.rename('/tmp/r/folder', '/tmp/r/full'), /^(ENOTEMPTY|EEXIST)$/, '/tmp/r/folder');
    assert.equal(
      await printed(sandbox, 'cat /tmp/r/file /tmp/r/full/x; ls /tmp/r'),
      'f\nx\nfile\nfolder\nfull\n',
    );
  });

  it('copy files, links and folders with their modes', async () => {
    const { sandbox } = shared;
    const { filesystem } = sandbox;
    await printed(
      sandbox,
      `mkdir -p /tmp/c/sub/deep /tmp/outside; cd /tmp/c; echo 1 > sub/deep/one; chmod 750 sub/deep/one sub
      ln -s deep/one sub/link; ln -s /tmp/outside sub/out; echo 2 > two; chmod 604 two; ln -s two to-two`,
    );
    await filesystem.copy('/tmp/c/two', '/tmp/made/on/the/way');
    assert.equal(
      await printed(sandbox, 'cat /tmp/made/on/the/way; stat -c %a /tmp/made/on/the/way'),
      '2\n604\n',
    );
    await filesystem.copy('/tmp/c/to-two', '/tmp/c/link-copy');
    assert.equal(await printed(sandbox, 'readlink /tmp/c/link-copy'), 'two\n');
    await filesystem.copy('/tmp/c/sub', '/tmp/c/copied');
    const shown = await printed(
      sandbox,
      'cd /tmp/c/copied; cat link; readlink link; readlink out; stat -c %a . deep/one; ls -A /tmp/outside',
    );
    assert.equal(shown, '1\ndeep/one\n/tmp/outside\n750\n750\n');
    // Into a folder that is there: what has another name stays.
    await filesystem.writeFile('/tmp/c/copied/kept', 'kept');
    await filesystem.writeFile('/tmp/c/sub/deep/one', 'new');
    await filesystem.copy('/tmp/c/sub', '/tmp/c/copied/');
    assert.equal(await printed(sandbox, 'cat /tmp/c/copied/kept /tmp/c/copied/link'), 'keptnew');
    await filesystem.copy('/proc/version', '/tmp/c/version');
    assert.match(await filesystem.readFile('/tmp/c/version'), /^Linux version/);
  });

  it('refuse to copy what is no content', async () => {
    const { sandbox } = shared;
    const { filesystem } = sandbox;
    await printed(sandbox, 'mkdir -p /tmp/n/folder; cd /tmp/n; echo f > file; mkfifo fifo');
    await refused(filesystem.copy('/tmp/n/missing', '/tmp/n/new'), 'ENOENT', '/tmp/n/missing');
    await refused(filesystem.copy('/tmp/n/fifo', '/tmp/n/new'), 'EINVAL', '/tmp/n/fifo');
    await refused(filesystem.copy('/dev/zero', '/tmp/n/new'), 'EINVAL', '/dev/zero');
    await refused(filesystem.copy('/tmp/n/file', '/tmp/n/folder'), 'EISDIR', '/tmp/n/file');
    await refused(filesystem.copy('/tmp/n/folder', '/tmp/n/folder/inside'), 'EINVAL', '/tmp/n/folder');
    assert.equal((await rejection(filesystem.copy('/tmp/n/folder', '/tmp/n/file'))).code, 'ENOTDIR');
    assert.equal(await printed(sandbox, 'ls /tmp/n; cat /tmp/n/file'), 'fifo\nfile\nfolder\nf\n');
  });

  it('take any bytes in a path for a name', async () => {
    const { filesystem } = shared.sandbox;
    // With more in front, the longest would be too long.
    const names = HARD_NAMES.filter((name) => Buffer.byteLength(name) < 250);
    for (const [at, name] of names.entries()) {
      const folder = `/tmp/hard/${at}`;
      await filesystem.writeFile(`${folder}/${name}`, name);
      await filesystem.copy(`${folder}/${name}`, `${folder}/2 ${name}`);
      await filesystem.rename(`${folder}/${name}`, `${folder}/3 ${name}`);
      await filesystem.chmod(`${folder}/3 ${name}`, 0o600);
      assert.equal((await filesystem.stat(`${folder}/3 ${name}`)).mode, 0o600);
      const listed = (await filesystem.readdir(folder)).map((entry) => entry.name);
      assert.deepEqual(listed, [`2 ${name}`, `3 ${name}`].sort());
    }
    await filesystem.writeFile('-n', 'dash');
    await filesystem.copy('-n', '-e');
    await filesystem.rename('-e', '--help');
    assert.equal((await filesystem.stat('--help')).size, 4);
  });
});

eachSession('filesystem: a workdir that the image lacks', (session) => {
  const sandboxes = useSandboxes();

  it("is the user's", async () => {
    /** @type {Array<[string, string, string]>} */
    const users = [
      ['nobody', '/made/for/nobody', '65534:65534 65534:65534'],
      ['1234:5678', '/workspace', '1234:5678 1234:5678'],
      ['daemon:sys', '/workspace/', '1:3 1:3'],
      ['root', '/workspace', '0:0 0:0'],
      // One that the image has stays as it is.
      ['nobody', '/usr/lib', '65534:65534 0:0'],
    ];
    for (const [user, workdir, expected] of users) {
      const config = /** @type {const} */ ({
        session,
        image: { name: PYTHON },
        container: { user, workdir },
      });
      const sandbox = await sandboxes.create(config);
      const { stdout } = await sandbox.runCommand('echo $(id -u):$(id -g) $(stat -c %u:%g .)');
      assert.equal(stdout.trim(), expected, user);
      if (workdir !== '/usr/lib') await sandbox.filesystem.writeFile('mine', 'mine');
    }
  });
});
