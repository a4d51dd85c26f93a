'use strict';

// Uploads and downloads of files and folders: content, modes, links; nothing outside of the target, whatever either side
// holds.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, describe, it } = require('node:test');
const { PYTHON } = require('./support/images.js');
const { SUITE_TIMEOUT, shareSandbox } = require('./support/sandboxes.js');
const { rejection, until } = require('./support/wait.js');

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'computesdk-transfer-'));
after(() => fs.rmSync(root, { recursive: true, force: true }));

let folders = 0;
/** A folder of its own on this machine. */
function here() {
  folders += 1;
  const folder = path.join(root, String(folders));
  fs.mkdirSync(folder);
  return folder;
}

/**
 * What a folder holds: a line for each thing, with its mode and its content or target.
 * @param {string} folder @param {string} [below] @returns {string[]}
 */
function tree(folder, below = '') {
  const names = fs.readdirSync(path.join(folder, below)).sort();
  return names.flatMap((entry) => {
    const name = path.join(below, entry);
    const at = path.join(folder, name);
    const stat = fs.lstatSync(at);
    if (stat.isSymbolicLink()) return [`${name} -> ${fs.readlinkSync(at)}`];
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isDirectory()) return [`${name}/ ${mode}`, ...tree(folder, name)];
    return [`${name} ${mode} ${fs.readFileSync(at, 'utf8')}`];
  });
}

/** A folder with everything that a transfer keeps. */
function sample() {
  const folder = here();
  fs.mkdirSync(path.join(folder, 'sub/deep'), { recursive: true });
  fs.mkdirSync(path.join(folder, 'empty'));
  fs.writeFileSync(path.join(folder, 'sub/deep/file'), 'content');
  fs.writeFileSync(path.join(folder, 'run.sh'), '#!/bin/sh\necho ran\n');
  fs.writeFileSync(path.join(folder, 'sub/ünï $(id) \n"x'), 'odd name');
  fs.symlinkSync('deep/file', path.join(folder, 'sub/link'));
  fs.symlinkSync('/etc/passwd', path.join(folder, 'sub/out'));
  fs.symlinkSync('nowhere', path.join(folder, 'broken'));
  fs.chmodSync(path.join(folder, 'run.sh'), 0o755);
  fs.chmodSync(path.join(folder, 'sub/deep/file'), 0o440);
  fs.chmodSync(path.join(folder, 'sub'), 0o750);
  fs.chmodSync(path.join(folder, 'sub/deep'), 0o555);
  fs.chmodSync(path.join(folder, 'empty'), 0o700);
  return folder;
}

describe('filesystem: upload and download', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({ image: { name: PYTHON } });
  const run = async (/** @type {string} */ script) => (await shared.sandbox.runCommand(script)).stdout;

  it('carry a folder there and back with modes and links', async () => {
    const { filesystem } = shared.sandbox;
    const folder = sample();
    const sent = await filesystem.upload(folder, '/tmp/up/loaded');
    assert.deepEqual(sent, { files: 3, bytes: 34, skipped: [] });
    assert.equal(
      await run('cd /tmp/up/loaded && ./run.sh && cat sub/link && readlink sub/out'),
      'ran\ncontent/etc/passwd\n',
    );
    assert.equal(
      await run('cd /tmp/up/loaded && stat -c %a:%U . empty sub sub/deep/file'),
      `${(fs.statSync(folder).mode & 0o777).toString(8)}:root\n700:root\n750:root\n440:root\n`,
    );
    const back = path.join(here(), 'new/parents');
    const got = await filesystem.download('/tmp/up/loaded', back);
    assert.deepEqual(got, sent);
    assert.deepEqual(tree(back), tree(folder));
    // Once more over what is there: the same, and what has another name stays.
    fs.writeFileSync(path.join(back, 'mine'), 'kept');
    await filesystem.download('/tmp/up/loaded', back);
    assert.deepEqual(
      tree(back).filter((line) => !line.startsWith('mine')),
      tree(folder),
    );
    assert.equal(fs.readFileSync(path.join(back, 'mine'), 'utf8'), 'kept');
    await filesystem.upload(back, '/tmp/up/loaded');
    assert.equal(await run('cat /tmp/up/loaded/mine /tmp/up/loaded/sub/link'), 'keptcontent');
  });

  it('carry single files, large ones too, and tell how far they are', async () => {
    const { filesystem } = shared.sandbox;
    const folder = here();
    for (const size of [0, 5, 300_000, 20_000_000]) {
      const bytes = randomBytes(size);
      const [from, back] = [path.join(folder, `from${size}`), path.join(folder, 'deep', `back${size}`)];
      fs.writeFileSync(from, bytes, { mode: 0o640 });
      /** @type {import('../index').TransferProgress[]} */
      const progress = [];
      const onProgress = (/** @type {import('../index').TransferProgress} */ now) => void progress.push(now);
      assert.deepEqual(await filesystem.upload(from, `sizes/${size}`, { onProgress }), {
        files: 1,
        bytes: size,
        skipped: [],
      });
      assert.equal(
        await run(`stat -c "%s %a" /workspace/sizes/${size}; ls -A /workspace/sizes | grep -c computesdk`),
        `${size} 640\n0\n`,
      );
      assert.deepEqual(progress.at(-1), { bytes: size, totalBytes: size, files: 1 });
      assert.ok(progress.every(({ bytes }, at) => at === 0 || bytes >= (progress[at - 1]?.bytes ?? 0)));
      assert.deepEqual(await filesystem.download(`sizes/${size}`, back), {
        files: 1,
        bytes: size,
        skipped: [],
      });
      assert.ok(fs.readFileSync(back).equals(bytes));
      assert.equal(fs.statSync(back).mode & 0o777, 0o640);
    }
  });

  it('leave out what is no content, and set no rights of another user', async () => {
    const { filesystem } = shared.sandbox;
    await run(
      'mkdir /tmp/odd; cd /tmp/odd; mkfifo fifo; mknod null c 1 3 || mkfifo null; echo x > su; chmod 6755 su',
    );
    const folder = path.join(here(), 'odd');
    const { files, skipped } = await filesystem.download('/tmp/odd', folder);
    assert.deepEqual([files, skipped], [1, ['/tmp/odd/fifo', '/tmp/odd/null']]);
    assert.deepEqual(tree(folder), ['su 755 x\n']);
    assert.equal(
      (await rejection(filesystem.download('/tmp/odd/fifo', path.join(root, 'f')))).code,
      'EINVAL',
    );
    execFileSync('mkfifo', [path.join(folder, 'pipe')]);
    assert.deepEqual((await filesystem.upload(folder, '/tmp/odd-up')).skipped, [path.join(folder, 'pipe')]);
    assert.equal(await run('ls -A /tmp/odd-up'), 'su\n');
    assert.equal((await rejection(filesystem.upload(path.join(folder, 'pipe'), '/tmp/p'))).code, 'EINVAL');
  });

  it('write nothing outside of the target here, whatever links are there', async () => {
    const { filesystem } = shared.sandbox;
    const [outside, target] = [here(), here()];
    fs.writeFileSync(path.join(outside, 'file'), 'untouched');
    fs.symlinkSync(outside, path.join(target, 'sub'));
    fs.symlinkSync(path.join(outside, 'file'), path.join(target, 'file'));
    await run(
      'mkdir -p /tmp/esc/one /tmp/esc/two/sub; cd /tmp/esc; echo new > one/file; echo evil > two/sub/evil',
    );
    await filesystem.download('/tmp/esc/one', target);
    assert.deepEqual(tree(target), ['file 644 new\n', `sub -> ${outside}`]);
    const error = await rejection(filesystem.download('/tmp/esc/two', target));
    assert.deepEqual([error.code, error.path], ['ENOTDIR', path.join(target, 'sub')]);
    // A link of the sandbox's own that leads out is there as a link, and is not followed the next time.
    await run(
      `cd /tmp/esc; mkdir three four four/way; ln -s '${outside}' three/way; echo evil > four/way/evil`,
    );
    const second = path.join(here(), 'second');
    await filesystem.download('/tmp/esc/three', second);
    assert.deepEqual(tree(second), [`way -> ${outside}`]);
    assert.equal((await rejection(filesystem.download('/tmp/esc/four', second))).code, 'ENOTDIR');
    assert.deepEqual(tree(outside), ['file 644 untouched']);
  });

  it('write nothing outside of the target there, whatever links are there', async () => {
    const { filesystem } = shared.sandbox;
    const folder = here();
    fs.mkdirSync(path.join(folder, 'sub'));
    fs.writeFileSync(path.join(folder, 'file'), 'new');
    fs.writeFileSync(path.join(folder, 'large'), Buffer.alloc(17 * 1024 * 1024, 'n'));
    await run(`mkdir -p /tmp/out /tmp/in; echo untouched > /tmp/out/file; echo untouched > /tmp/out/large
      ln -s /tmp/out/file /tmp/in/file; ln -s /tmp/out/large /tmp/in/large`);
    await filesystem.upload(folder, '/tmp/in');
    assert.equal(
      await run('cat /tmp/in/file /tmp/out/file /tmp/out/large; stat -c "%F %s" /tmp/in/large'),
      `newuntouched\nuntouched\nregular file ${17 * 1024 * 1024}\n`,
    );
    await run('rmdir /tmp/in/sub; ln -s /tmp/out /tmp/in/sub');
    fs.writeFileSync(path.join(folder, 'sub/evil'), 'evil');
    const error = await rejection(filesystem.upload(folder, '/tmp/in'));
    assert.deepEqual([error.code, error.path], ['ENOTDIR', '/tmp/in/sub']);
    assert.equal(await run('ls -A /tmp/out'), 'file\nlarge\n');
  });

  it('carry names that are no UTF-8, and as long as they may be', async () => {
    const { filesystem } = shared.sandbox;
    const [folder, long] = [here(), 'n'.repeat(255)];
    const odd = Buffer.from([0x61, 0xff, 0xfe]);
    fs.writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), odd]), 'odd');
    fs.writeFileSync(path.join(folder, long), 'long');
    await filesystem.upload(folder, '/tmp/odd-names');
    assert.equal(await run("cd /tmp/odd-names; cat $(printf 'a\\377\\376') n*"), 'oddlong');
    const back = path.join(here(), 'back');
    assert.equal((await filesystem.download('/tmp/odd-names', back)).files, 2);
    const names = fs.readdirSync(back, { encoding: 'buffer' }).map((name) => name.toString('latin1'));
    assert.deepEqual(names.sort(), [odd.toString('latin1'), long]);
  });

  it('carry a thousand small files', async () => {
    const { filesystem } = shared.sandbox;
    const folder = here();
    for (let at = 0; at < 1000; at++) fs.writeFileSync(path.join(folder, `f${at}`), String(at));
    assert.equal((await filesystem.upload(folder, '/tmp/many')).files, 1000);
    assert.equal(await run('ls /tmp/many | wc -l; cat /tmp/many/f777'), '1000\n777');
    const back = path.join(here(), 'many');
    assert.equal((await filesystem.download('/tmp/many', back)).files, 1000);
    assert.equal(fs.readFileSync(path.join(back, 'f777'), 'utf8'), '777');
  });

  it('fail with the code and path of the side that refused', async () => {
    const { filesystem } = shared.sandbox;
    const folder = here();
    fs.writeFileSync(path.join(folder, 'file'), 'x');
    const missing = path.join(folder, 'missing');
    /** @type {Array<[() => Promise<unknown>, string, string]>} */
    const table = [
      [() => filesystem.upload(missing, '/tmp/x'), 'ENOENT', missing],
      [() => filesystem.upload(path.join(folder, 'file'), '/tmp'), 'EISDIR', '/tmp'],
      [() => filesystem.upload(folder, '/etc/hostname'), 'ENOTDIR', '/etc/hostname'],
      [() => filesystem.upload(path.join(folder, 'file'), '/dev/full'), 'ENOSPC', '/dev/full'],
      [() => filesystem.download('/tmp/missing', missing), 'ENOENT', '/tmp/missing'],
      [() => filesystem.download('/etc/hostname', folder), 'EISDIR', folder],
      [() => filesystem.download('/etc', path.join(folder, 'file')), 'ENOTDIR', path.join(folder, 'file')],
      [
        () => filesystem.download('/etc/hostname', path.join(folder, 'file/below')),
        'ENOTDIR',
        path.join(folder, 'file'),
      ],
    ];
    for (const [call, code, at] of table) {
      const error = await rejection(call());
      assert.deepEqual([error.code, error.path], [code, at], error.message);
    }
    assert.deepEqual(tree(folder), ['file 644 x']);
    assert.match((await rejection(filesystem.upload(folder, /** @type {any} */ (5)))).message, /path/);
    assert.match(
      (await rejection(filesystem.upload(folder, '/x', /** @type {any} */ ({ progress() {} })))).message,
      /onProgress/,
    );
  });

  it('end when they are aborted, or the callback throws, and leave nothing half-written', async () => {
    const { filesystem } = shared.sandbox;
    const folder = here();
    const large = path.join(folder, 'large');
    fs.writeFileSync(large, Buffer.alloc(150_000_000, 'x'));
    const controller = new AbortController();
    const aborted = filesystem.upload(large, '/tmp/aborted/large', {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('enough')),
    });
    // Too fast for the first report, or ended by it.
    const outcome = await aborted.then(
      () => undefined,
      (error) => error,
    );
    if (outcome) assert.equal(outcome.name, 'AbortError');
    const wanted = outcome ? '' : 'large\n';
    await until(async () => (await run('ls -A /tmp/aborted')) === wanted, 'the rest is removed');
    await run('head -c 150000000 /dev/zero > /tmp/zeros');
    const thrown = await rejection(
      filesystem.download('/tmp/zeros', path.join(folder, 'down'), {
        onProgress: () => {
          throw new TypeError('mine');
        },
      }),
    );
    assert.equal(thrown.message, 'mine');
    await until(() => fs.readdirSync(folder).join() === 'large', 'the unfinished file is gone');
    const already = await rejection(
      filesystem.download('/tmp/zeros', path.join(folder, 'down'), { signal: AbortSignal.abort() }),
    );
    assert.equal(already.name, 'AbortError');
  });
});

describe('filesystem: readdir with recursive', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({ image: { name: PYTHON } });

  it('lists all that is below, sorted, and follows no link', async () => {
    const { sandbox } = shared;
    await sandbox.runCommand(`mkdir -p /workspace/t/a/b; cd /workspace/t; echo 1 > a/b/f; echo 22 > z; ln -s / a/root
      ln -s a/b/f link; ln -s nowhere a/broken; ln -s .. a/b/loop`);
    const shown = async (/** @type {string} */ folder) =>
      (await sandbox.filesystem.readdir(folder, { recursive: true })).map(({ name, path, type, size }) =>
        `${path} ${name} ${type} ${type === 'file' ? size : ''}`.trim(),
      );
    assert.deepEqual(await shown('t'), [
      't/a a directory',
      't/a/b b directory',
      't/a/b/f f file 2',
      't/a/b/loop loop directory',
      't/a/broken broken file 7',
      't/a/root root directory',
      't/link link file 2',
      't/z z file 3',
    ]);
    assert.equal((await shown('.'))[1], 't/a a directory');
    assert.equal((await shown('/workspace'))[1], '/workspace/t/a a directory');
    assert.equal(
      (await rejection(sandbox.filesystem.readdir('/missing', { recursive: true }))).code,
      'ENOENT',
    );
    assert.equal(
      (await rejection(sandbox.filesystem.readdir('/etc/hostname', { recursive: true }))).code,
      'ENOTDIR',
    );
    const flat = await sandbox.filesystem.readdir('t', { recursive: false });
    assert.deepEqual(
      flat.map(({ name }) => name),
      ['a', 'link', 'z'],
    );
  });
});
