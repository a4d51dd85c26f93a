'use strict';

// Files as Node streams: content, parts, back-pressure, ends.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const { Readable, Writable } = require('node:stream');
const { buffer, text } = require('node:stream/consumers');
const { pipeline } = require('node:stream/promises');
const { describe, it } = require('node:test');
const { NODE, PYTHON } = require('./support/images.js');
const { SUITE_TIMEOUT, shareSandbox } = require('./support/sandboxes.js');
const { rejections, sleep, until, within } = require('./support/wait.js');

/** @param {import('node:stream').Stream} stream @returns {Promise<any>} its error */
async function failure(stream) {
  const [error] = await within(once(stream, 'error'), 'the error');
  return error;
}

describe('filesystem: streams', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({ image: { name: PYTHON } });

  it('carry content of any size both ways', async () => {
    const { filesystem } = shared.sandbox;
    for (const size of [0, 1, 65_536, 3_000_001]) {
      const bytes = randomBytes(size);
      const path = `streams/new/${size}`;
      await pipeline(Readable.from([bytes]), filesystem.createWriteStream(path));
      assert.ok(bytes.equals(await filesystem.readFile(path, null)), `${size} written`);
      assert.ok(bytes.equals(await buffer(filesystem.createReadStream(path))), `${size} read`);
    }
    await pipeline(
      filesystem.createReadStream('streams/new/3000001'),
      filesystem.createWriteStream('/tmp/copy'),
    );
    const { stdout } = await shared.sandbox.runCommand(
      'cmp /workspace/streams/new/3000001 /tmp/copy && echo same',
    );
    assert.equal(stdout, 'same\n');
  });

  it('read a part, and text', async () => {
    const { filesystem } = shared.sandbox;
    await filesystem.writeFile('/tmp/part', '0123456789');
    const part = (/** @type {any} */ options) => text(filesystem.createReadStream('/tmp/part', options));
    assert.equal(await part({ start: 3 }), '3456789');
    assert.equal(await part({ start: 3, end: 4 }), '34');
    assert.equal(await part({ end: 0 }), '0');
    assert.equal(await part({ start: 20 }), '');
    await filesystem.writeFile('/tmp/text', 'ünï日🎉'.repeat(30_000));
    let read = '';
    for await (const piece of filesystem.createReadStream('/tmp/text', 'utf8')) {
      assert.equal(typeof piece, 'string');
      read += piece;
    }
    assert.ok(read === 'ünï日🎉'.repeat(30_000));
  });

  it('replace, append, and set the mode', async () => {
    const { sandbox } = shared;
    const { filesystem } = sandbox;
    const write = async (/** @type {string} */ content, /** @type {any} */ options) => {
      const stream = filesystem.createWriteStream('/tmp/written', options);
      stream.end(content);
      await within(once(stream, 'finish'), 'the end');
    };
    await write('a long beginning', undefined);
    await write('short', {});
    await write(' and more', { flags: 'a', mode: 0o711 });
    await write('2122', { flags: 'a', encoding: 'hex' });
    const { stdout } = await sandbox.runCommand('cat /tmp/written; stat -c " %a" /tmp/written');
    assert.equal(stdout, 'short and more!" 711\n');
  });

  it('tell errors as theirs', async () => {
    const { filesystem } = shared.sandbox;
    await filesystem.writeFile('/tmp/file', 'x');
    const missing = await failure(filesystem.createReadStream('/tmp/missing').resume());
    assert.deepEqual(
      [missing.name, missing.code, missing.path],
      ['DockerProviderError', 'ENOENT', '/tmp/missing'],
    );
    assert.match(missing.stack, /filesystem-streams\.spec/);
    assert.equal((await failure(filesystem.createReadStream('/tmp').resume())).code, 'EISDIR');
    const folder = filesystem.createWriteStream('/tmp');
    folder.end('x');
    assert.equal((await failure(folder)).code, 'EISDIR');
    const full = filesystem.createWriteStream('/dev/full');
    full.end('x');
    assert.equal((await failure(full)).code, 'ENOSPC');
    /** @type {Array<[() => unknown, RegExp]>} */
    const wrong = [
      [() => filesystem.createReadStream(/** @type {any} */ (5)), /path/],
      [() => filesystem.createReadStream('/x', /** @type {any} */ ({ begin: 1 })), /begin/],
      [() => filesystem.createReadStream('/x', { start: -1 }), /start/],
      [() => filesystem.createReadStream('/x', { start: 5, end: 4 }), /end/],
      [() => filesystem.createWriteStream('/x', /** @type {any} */ ({ flags: 'r' })), /flags/],
      [() => filesystem.createWriteStream('/x', /** @type {any} */ ('utf-7')), /encoding/],
    ];
    for (const [call, told] of wrong) assert.throws(call, { code: 'ERR_INVALID_CONFIG', message: told });
  });

  it('read no further than their reader', async () => {
    const { sandbox } = shared;
    await sandbox.runCommand('mkfifo /tmp/slow; echo 0 > /tmp/count');
    const count =
      'x=$(head -c 4000 /dev/zero | tr "\\0" x); i=0; (while echo $i $x; do i=$((i+1)); echo $i > /tmp/count; done > /tmp/slow); echo > /tmp/told';
    await sandbox.runCommand(count, { background: true });
    const stream = sandbox.filesystem.createReadStream('/tmp/slow');
    await within(once(stream, 'readable'), 'output');
    assert.match(String(stream.read()), /^0 x/);
    // The writer stands still once window and pipes are full.
    let last = '';
    await until(async () => {
      const now = await sandbox.filesystem.readFile('/tmp/count');
      const still = now !== '' && now === last;
      last = now;
      await sleep(100);
      return still;
    }, 'the writer stands still');
    stream.destroy();
    await until(() => sandbox.filesystem.exists('/tmp/told'), 'the writer learns of it');
  });

  it('take no more than the sandbox does', async () => {
    const { sandbox } = shared;
    await sandbox.runCommand('mkfifo /tmp/sink');
    const stream = sandbox.filesystem.createWriteStream('/tmp/sink');
    let accepted = 0;
    const piece = Buffer.alloc(64 * 1024, 'x');
    const pour = async () => {
      while (accepted < 64 * 1024 * 1024) {
        const more = stream.write(piece);
        accepted += piece.length;
        if (!more) await once(stream, 'drain');
      }
    };
    const pouring = pour().catch(() => 'destroyed');
    let last = -1;
    await until(async () => {
      const still = accepted === last;
      last = accepted;
      return still;
    }, 'nothing more is accepted');
    await sleep(200);
    assert.ok(accepted < 4 * 1024 * 1024, `${accepted} bytes accepted`);
    const { stdout } = await sandbox.runCommand('head -c 1000000 /tmp/sink | wc -c');
    assert.equal(stdout.trim(), '1000000');
    stream.destroy();
    stream.on('error', () => {});
    await within(Promise.race([pouring, once(stream, 'close')]), 'the close');
  });

  it('close in the sandbox when they are destroyed or aborted', async () => {
    const { sandbox } = shared;
    const { filesystem } = sandbox;
    await sandbox.runCommand('mkfifo /tmp/endless /tmp/open');
    // A writer without a reader ends, a reader without a writer comes to its end: both tell.
    await sandbox.runCommand('cat /dev/zero > /tmp/endless; echo > /tmp/endless.closed', {
      background: true,
    });
    await sandbox.runCommand('cat /tmp/open > /tmp/open.got; echo > /tmp/open.closed', { background: true });
    const controller = new AbortController();
    const reading = filesystem.createReadStream('/tmp/endless', { signal: controller.signal });
    await within(once(reading, 'readable'), 'the first bytes');
    const writing = filesystem.createWriteStream('/tmp/open', { signal: controller.signal });
    writing.write('kept');
    await until(async () => (await filesystem.readFile('/tmp/open.got')) === 'kept', 'what was written');
    assert.equal(await filesystem.exists('/tmp/endless.closed'), false);
    assert.equal(await filesystem.exists('/tmp/open.closed'), false);
    const errors = [failure(reading), failure(writing)];
    controller.abort(new Error('enough'));
    for (const error of await Promise.all(errors)) assert.equal(error.name, 'AbortError');
    await until(() => filesystem.exists('/tmp/endless.closed'), 'the end of the writer there');
    await until(() => filesystem.exists('/tmp/open.closed'), 'the end of the reader there');
    const early = filesystem.createReadStream('/tmp/open').destroy();
    await within(once(early, 'close'), 'the close');
  });

  it('hold no more than they carry', async () => {
    const { filesystem } = shared.sandbox;
    await shared.sandbox.runCommand('head -c 200000000 /dev/zero > /tmp/zeros');
    let read = 0;
    const before = process.memoryUsage().rss;
    await pipeline(
      filesystem.createReadStream('/tmp/zeros'),
      new Writable({
        write(chunk, _encoding, done) {
          read += chunk.length;
          done();
        },
      }),
    );
    assert.equal(read, 200_000_000);
    const grown = (process.memoryUsage().rss - before) / 1024 / 1024;
    assert.ok(grown < 160, `${grown} MiB`);
  });
});

describe('filesystem: what needs the agent', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({ session: 'exec', image: { name: NODE }, runtime: 'node' });

  it('says so', async () => {
    const { filesystem } = shared.sandbox;
    await filesystem.writeFile('/tmp/file', 'x');
    const calls = {
      upload: filesystem.upload(__filename, '/tmp/up'),
      download: filesystem.download('/tmp/file', '/nonexistent/never'),
      watch: filesystem.watch('/tmp', () => {}),
      'readdir with recursive': filesystem.readdir('/tmp', { recursive: true }),
      createReadStream: text(filesystem.createReadStream('/tmp/file')),
      createWriteStream: pipeline(Readable.from(['x']), filesystem.createWriteStream('/tmp/file')),
    };
    const errors = await rejections(Object.values(calls));
    for (const [at, name] of Object.keys(calls).entries()) {
      const error = errors[at];
      assert.equal(error.code, 'ERR_AGENT_UNAVAILABLE', name);
      assert.ok(error.message.startsWith(`${name} needs the agent`), error.message);
    }
    assert.equal(await filesystem.readFile('/tmp/file'), 'x');
  });
});
