'use strict';

// sandbox.filesystem: the six calls, on both sessions and both userlands.

const assert = require('node:assert/strict');
const { createHash, randomBytes } = require('node:crypto');
const { it } = require('node:test');
const { eachSession, eachUserland, shareSandbox } = require('./support/sandboxes.js');
const { rejection } = require('./support/wait.js');
const { HARD_NAMES, NAMES } = require('./support/words.js');

eachUserland('filesystem: files', ({ config, session }) => {
  const shared = shareSandbox(config);

  it('writes and reads text, making parents and replacing what was there', async () => {
    const { filesystem } = shared.sandbox;
    for (const text of [
      'plain\n',
      '',
      'no newline',
      'ünïcödé 日本 🎉\r\n\0end',
      '\uFEFFbom',
      '$(id) `id` "\'\\',
    ]) {
      await filesystem.writeFile('/tmp/new/parents/here/file.txt', text);
      assert.equal(await filesystem.readFile('/tmp/new/parents/here/file.txt'), text);
    }
    await filesystem.writeFile('/tmp/long', 'x'.repeat(100_000));
    await filesystem.writeFile('/tmp/long', 'short');
    assert.equal(await filesystem.readFile('/tmp/long'), 'short');
    assert.equal((await shared.sandbox.runCommand('cat /tmp/long')).stdout, 'short');
  });

  it('takes and gives bytes unchanged', async () => {
    const { filesystem } = shared.sandbox;
    const bytes = Buffer.from(Array.from({ length: 1024 }, (_, at) => (at * 7) % 256));
    const forms = [
      bytes,
      new Uint8Array(bytes),
      new Uint8Array(bytes).buffer,
      new DataView(new Uint8Array(bytes).buffer),
      Buffer.concat([Buffer.from('before'), bytes]).subarray(6),
    ];
    for (const content of forms) {
      await filesystem.writeFile('/tmp/bytes', content);
      for (const encoding of [{ encoding: null }, null]) {
        const read = await filesystem.readFile('/tmp/bytes', encoding);
        assert.ok(Buffer.isBuffer(read));
        assert.ok(bytes.equals(read));
      }
    }
    await filesystem.writeFile('/tmp/bad-text', Buffer.from([0x61, 0xff, 0x62]));
    assert.equal(await filesystem.readFile('/tmp/bad-text', 'utf8'), 'a\uFFFDb');
  });

  it('writes what the bytes were at the call', async () => {
    const bytes = Buffer.alloc(300_000, 'a');
    const writing = shared.sandbox.filesystem.writeFile('/tmp/copied', bytes);
    bytes.fill('b');
    await writing;
    assert.equal(await shared.sandbox.filesystem.readFile('/tmp/copied'), 'a'.repeat(300_000));
  });

  it('reads what has no size, and writes to devices', async () => {
    const { filesystem } = shared.sandbox;
    assert.match(await filesystem.readFile('/proc/self/status'), /^Name:/);
    await filesystem.writeFile('/dev/null', 'gone');
    assert.equal(await filesystem.readFile('/dev/null'), '');
  });

  it('takes relative paths from the workdir', async () => {
    const { filesystem } = shared.sandbox;
    await filesystem.writeFile('relative.txt', 'here');
    assert.equal(await filesystem.readFile('/workspace/relative.txt'), 'here');
    assert.equal(await filesystem.readFile('./x/../relative.txt').catch((error) => error.code), 'ENOENT');
    assert.equal(await filesystem.readFile('../workspace/./relative.txt'), 'here');
    await filesystem.mkdir('folder');
    assert.deepEqual(
      (await filesystem.readdir('.')).map(({ name, path }) => [name, path]),
      [
        ['folder', 'folder'],
        ['relative.txt', 'relative.txt'],
      ],
    );
    assert.equal(await filesystem.exists('folder'), true);
    await filesystem.remove('folder');
    assert.equal(await filesystem.exists('/workspace/folder'), false);
  });

  it('takes any bytes in a path for a name', async () => {
    const { filesystem } = shared.sandbox;
    // A plain exec for each call takes its time: the nastiest will do there.
    const names = session === 'agent' ? NAMES : HARD_NAMES;
    await Promise.all(
      names.map(async (name, at) => {
        const folder = `/tmp/names/${at}`;
        const path = `${folder}/${name}`;
        await filesystem.writeFile(path, name);
        assert.equal(await filesystem.exists(path), true, name);
        assert.equal(await filesystem.readFile(path), name);
        const [entry, ...more] = await filesystem.readdir(folder);
        assert.deepEqual([entry.name, entry.path, more.length], [name, path, 0]);
        await filesystem.remove(path);
        assert.equal(await filesystem.exists(path), false, name);
        await filesystem.mkdir(`${path}/${name}`);
        const [inner] = await filesystem.readdir(path);
        assert.deepEqual([inner.name, inner.isDirectory], [name, true]);
      }),
    );
    const { stdout } = await shared.sandbox.runCommand('find / -xdev -name "csdk-executed"');
    assert.equal(stdout, '');
    await filesystem.remove('/tmp/names');
    assert.equal(await filesystem.exists('/tmp/names'), false);
  });

  it('takes a leading dash in a relative path for a name', async () => {
    const { filesystem } = shared.sandbox;
    for (const name of ['-n', '-rf', '--help', '-']) {
      await filesystem.writeFile(name, 'dash');
      assert.equal(await filesystem.readFile(name), 'dash');
      await filesystem.remove(name);
      await filesystem.mkdir(name);
      assert.deepEqual(await filesystem.readdir(name), []);
      assert.equal(await filesystem.exists(name), true);
      await filesystem.remove(name);
    }
  });
});

eachUserland('filesystem: folders', ({ config }) => {
  const shared = shareSandbox(config);

  it('lists what is there, sorted, with real sizes and times', async () => {
    const { sandbox } = shared;
    await sandbox.runCommand(`mkdir -p /tmp/list/sub && cd /tmp/list
      printf 12345 > 'two  spaces'; : > .hidden; mkfifo pipe
      ln -s sub to-folder; ln -s 'two  spaces' to-file; ln -s nowhere dangling
      touch -t 200102030405.06 'two  spaces'; touch -t 199912312359.59 sub`);
    const entries = await sandbox.filesystem.readdir('/tmp/list');
    const shown = entries.map(({ name, type, isDirectory }) => `${name}:${type}:${isDirectory}`);
    assert.deepEqual(shown, [
      '.hidden:file:false',
      'dangling:file:false',
      'pipe:file:false',
      'sub:directory:true',
      'to-file:file:false',
      'to-folder:directory:true',
      'two  spaces:file:false',
    ]);
    const byName = Object.fromEntries(entries.map((entry) => [entry.name, entry]));
    const file = byName['two  spaces'];
    assert.deepEqual(file, {
      name: 'two  spaces',
      path: '/tmp/list/two  spaces',
      isDirectory: false,
      type: 'file',
      size: 5,
      lastModified: new Date('2001-02-03T04:05:06.000Z'),
      modified: new Date('2001-02-03T04:05:06.000Z'),
    });
    assert.equal(byName.sub.modified.toISOString(), '1999-12-31T23:59:59.000Z');
    assert.equal(byName['.hidden'].size, 0);
    assert.equal(byName['to-file'].size, 5);
  });

  it('lists an empty folder, a folder of a thousand, and the devices', async () => {
    const { sandbox } = shared;
    await sandbox.runCommand(
      'mkdir -p /tmp/empty /tmp/many; cd /tmp/many; i=0; while [ $i -lt 1000 ]; do : > file-$i; i=$((i + 1)); done',
    );
    assert.deepEqual(await sandbox.filesystem.readdir('/tmp/empty'), []);
    const many = await sandbox.filesystem.readdir('/tmp/many/');
    assert.equal(many.length, 1000);
    assert.deepEqual(
      many.map(({ path }) => path),
      Array.from({ length: 1000 }, (_, at) => `/tmp/many/file-${at}`).sort(),
    );
    const devices = await sandbox.filesystem.readdir('/dev');
    assert.ok(devices.some(({ name, type }) => name === 'null' && type === 'file'));
    assert.ok(devices.some(({ name, type }) => name === 'pts' && type === 'directory'));
  });

  it('lists names that are no UTF-8', async () => {
    const { sandbox } = shared;
    await sandbox.runCommand(
      'mkdir -p /tmp/bytes-name; : > "/tmp/bytes-name/$(printf \'a\\377b\')"; : > /tmp/bytes-name/z',
    );
    const names = (await sandbox.filesystem.readdir('/tmp/bytes-name')).map(({ name }) => name);
    assert.deepEqual(names, ['a\uFFFDb', 'z']);
  });

  it('makes folders with parents, and takes one that is there', async () => {
    const { filesystem } = shared.sandbox;
    await filesystem.mkdir('/tmp/a/b/c/d');
    await filesystem.mkdir('/tmp/a/b/c/d/');
    assert.equal((await filesystem.readdir('/tmp/a/b/c'))[0].name, 'd');
  });

  it('tells what exists, through links', async () => {
    const { sandbox } = shared;
    await sandbox.runCommand('cd /tmp; : > real; ln -s real good; ln -s gone bad; ln -s loop loop');
    /** @type {Array<[string, boolean]>} */
    const table = [
      ['/tmp/real', true],
      ['/tmp', true],
      ['/', true],
      ['/tmp/good', true],
      ['/tmp/bad', false],
      ['/tmp/loop', false],
      ['/tmp/none', false],
      ['/tmp/none/deeper', false],
      ['/tmp/real/below-a-file', false],
      ['/dev/null', true],
      [`/tmp/${'x'.repeat(300)}`, false],
    ];
    for (const [path, expected] of table) {
      assert.equal(await sandbox.filesystem.exists(path), expected, path);
    }
  });

  it('removes files, folders and links, and never through a link', async () => {
    const { sandbox } = shared;
    await sandbox.runCommand(`mkdir -p /tmp/keep/inner /tmp/gone/deep/er; : > /tmp/keep/inner/file; : > /tmp/gone/deep/er/file
      ln -s /tmp/keep /tmp/gone/link; ln -s /tmp/keep /tmp/link; chmod 0500 /tmp/gone/deep`);
    for (const path of ['/tmp/gone', '/tmp/link', '/tmp/never/was', '/tmp/gone']) {
      await sandbox.filesystem.remove(path);
      assert.equal(await sandbox.filesystem.exists(path), false, path);
    }
    assert.equal(await sandbox.filesystem.exists('/tmp/keep/inner/file'), true);
    await sandbox.filesystem.writeFile('/tmp/one-file', '');
    await sandbox.filesystem.remove('/tmp/one-file');
    assert.equal(await sandbox.filesystem.exists('/tmp/one-file'), false);
  });
});

eachSession('filesystem: large files', (session) => {
  const shared = shareSandbox({ session });
  const digest = (/** @type {Uint8Array} */ bytes) => createHash('sha256').update(bytes).digest('hex');

  it('brings 100 MB back the same', { timeout: 240_000 }, async () => {
    const { filesystem } = shared.sandbox;
    const bytes = randomBytes(100_000_000);
    const expected = digest(bytes);
    await filesystem.writeFile('/tmp/large.bin', bytes);
    const { stdout } = await shared.sandbox.runCommand('sha256sum /tmp/large.bin');
    assert.equal(stdout.split(' ')[0], expected);
    const read = await filesystem.readFile('/tmp/large.bin', { encoding: null });
    assert.equal(digest(read), expected);
    await filesystem.remove('/tmp/large.bin');
  });

  it('brings sizes around every buffer border back the same', async () => {
    const { filesystem } = shared.sandbox;
    const sizes = [32_768, 65_536, 98_304, 131_072, 262_144, 1_048_576].flatMap((size) => [
      size - 1,
      size,
      size + 1,
    ]);
    await Promise.all(
      sizes.map(async (size) => {
        const bytes = randomBytes(size);
        await filesystem.writeFile(`/tmp/sizes/${size}`, bytes);
        assert.ok(bytes.equals(await filesystem.readFile(`/tmp/sizes/${size}`, null)), String(size));
      }),
    );
  });

  it('reads a few megabytes of text', async () => {
    const text = 'ünï日🎉\n'.repeat(300_000);
    await shared.sandbox.filesystem.writeFile('/tmp/text', text);
    assert.ok((await shared.sandbox.filesystem.readFile('/tmp/text')) === text);
  });
});

eachUserland('filesystem: wrong arguments', ({ config }) => {
  const shared = shareSandbox(config);

  it('reject by name', async () => {
    const { filesystem } = shared.sandbox;
    /** @type {Array<[() => Promise<any>, RegExp]>} */
    const table = [
      [() => filesystem.readFile(5), /path/],
      [() => filesystem.readFile(''), /path/],
      [() => filesystem.remove(''), /path/],
      [() => filesystem.readFile('/etc/passwd', { encoding: 'latin1' }), /encoding/],
      [() => filesystem.readFile('/etc/passwd', { encodng: 'utf8' }), /encodng.*encoding/],
      [() => filesystem.writeFile('/tmp/x'), /content/],
      [() => filesystem.writeFile('/tmp/x', 5), /content/],
      [() => filesystem.mkdir(), /path/],
      [() => filesystem.readdir(null), /path/],
      [() => filesystem.exists({}), /path/],
      [() => filesystem.remove(), /path/],
    ];
    for (const [call, told] of table) {
      const error = await rejection(call());
      assert.equal(error.code, 'ERR_INVALID_CONFIG');
      assert.match(error.message, told);
    }
  });

  it('refuse a NUL instead of cutting there', async () => {
    const { filesystem } = shared.sandbox;
    await filesystem.writeFile('/tmp/kept', 'kept');
    for (const call of [
      () => filesystem.readFile('/tmp/kept\0x'),
      () => filesystem.writeFile('/tmp/kept\0x', 'lost'),
      () => filesystem.mkdir('/tmp/kept\0x'),
      () => filesystem.readdir('/tmp\0x'),
      () => filesystem.remove('/tmp/kept\0x'),
    ]) {
      assert.equal((await rejection(call())).name, 'DockerProviderError');
    }
    assert.equal(await filesystem.readFile('/tmp/kept'), 'kept');
  });
});
