'use strict';

// filesystem.watch: what happens in a sandbox, as it happens.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { PYTHON } = require('./support/images.js');
const { SUITE_TIMEOUT, shareSandbox, useSandboxes } = require('./support/sandboxes.js');
const { rejection, rejections, until, within } = require('./support/wait.js');

/** @typedef {import('../index').WatchEvent} WatchEvent */

/** A callback, and a wait for an event that it was told. */
function notebook() {
  /** @type {string[]} */
  const seen = [];
  return {
    seen,
    note: (/** @type {WatchEvent} */ { type, path }) => void seen.push(`${type} ${path}`),
    has: (/** @type {string} */ line) => until(() => seen.includes(line), `${line} among ${seen}`),
  };
}

describe('filesystem: watch', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({ image: { name: PYTHON } });
  const run = (/** @type {string} */ script) => shared.sandbox.runCommand(script);

  it('tells what happens in a folder, until it is closed', async () => {
    const { filesystem } = shared.sandbox;
    await filesystem.mkdir('watched/sub');
    const { seen, note, has } = notebook();
    const watcher = await filesystem.watch('watched', note);
    await filesystem.writeFile('watched/file', 'x');
    await has('create watched/file');
    await has('write watched/file');
    await run('cd watched; chmod 600 file; mv file other; rm other; echo > sub/unseen');
    for (const line of [
      'chmod watched/file',
      'rename watched/file',
      'create watched/other',
      'remove watched/other',
    ])
      await has(line);
    await watcher.close();
    await watcher.close();
    await within(watcher.closed, 'the end');
    const count = seen.length;
    await run('echo > watched/later');
    const again = notebook();
    const second = await filesystem.watch('/workspace/watched', {}, again.note);
    await run('echo > watched/last');
    await again.has('create /workspace/watched/last');
    assert.equal(seen.length, count);
    assert.ok(!seen.some((line) => line.includes('unseen')));
    await second.close();
  });

  it('tells what happens in a tree, in folders that come later too', async () => {
    const { filesystem } = shared.sandbox;
    await run('mkdir -p /tmp/tree/a/b');
    const { note, has } = notebook();
    const watcher = await filesystem.watch('/tmp/tree', { recursive: true }, note);
    await run('echo > /tmp/tree/a/b/file; mkdir -p /tmp/tree/new/deep; echo > /tmp/tree/new/deep/file');
    await has('create /tmp/tree/a/b/file');
    await has('create /tmp/tree/new/deep/file');
    await run('mv /tmp/tree/new /tmp/tree/moved; echo > /tmp/tree/moved/deep/more');
    await has('create /tmp/tree/moved/deep/more');
    await watcher.close();
  });

  it('ends by its signal', async () => {
    const { filesystem } = shared.sandbox;
    const controller = new AbortController();
    const { seen, note, has } = notebook();
    const watcher = await filesystem.watch('/tmp', { signal: controller.signal }, note);
    await filesystem.writeFile('/tmp/before', 'x');
    await has('write /tmp/before');
    controller.abort();
    await within(watcher.closed, 'the end');
    await filesystem.writeFile('/tmp/after', 'x');
    assert.ok(!seen.some((line) => line.includes('after')));
    const aborted = await rejection(filesystem.watch('/tmp', { signal: AbortSignal.abort() }, () => {}));
    assert.equal(aborted.name, 'AbortError');
  });

  it('keeps the order, waits for the callback, and ends with what it throws', async () => {
    const { filesystem } = shared.sandbox;
    await filesystem.mkdir('/tmp/order');
    let running = 0;
    /** @type {string[]} */
    const created = [];
    const watcher = await filesystem.watch('/tmp/order', async ({ type, path }) => {
      running += 1;
      assert.equal(running, 1);
      await new Promise(setImmediate);
      if (type === 'create') created.push(path);
      running -= 1;
      if (path.endsWith('99')) throw new TypeError('mine');
    });
    await run('cd /tmp/order; i=0; while [ $i -lt 100 ]; do echo > $i; i=$((i+1)); done');
    assert.equal((await within(rejection(watcher.closed), 'the end')).message, 'mine');
    assert.deepEqual(
      created,
      Array.from({ length: 100 }, (_, at) => `/tmp/order/${at}`),
    );
  });

  it('refuses what cannot be watched', async () => {
    const { filesystem } = shared.sandbox;
    const missing = await rejection(filesystem.watch('/tmp/missing', () => {}));
    assert.deepEqual([missing.code, missing.path, missing.syscall], ['ENOENT', '/tmp/missing', 'watch']);
    const errors = await rejections([
      filesystem.watch('/tmp', /** @type {any} */ (undefined)),
      filesystem.watch('/tmp', /** @type {any} */ ({ deep: true }), () => {}),
      filesystem.watch(/** @type {any} */ (5), () => {}),
    ]);
    for (const [at, told] of [/onEvent/, /deep/, /path/].entries()) {
      assert.equal(errors[at].code, 'ERR_INVALID_CONFIG');
      assert.match(errors[at].message, told);
    }
  });
});

describe('filesystem: watch of a sandbox that ends', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('tells that', async () => {
    const sandbox = await sandboxes.create({ image: { name: PYTHON } });
    const watcher = await sandbox.filesystem.watch('/tmp', () => {});
    await sandbox.destroy();
    assert.equal((await within(rejection(watcher.closed), 'the end')).code, 'ERR_SESSION_LOST');
  });
});
