'use strict';

// runCommand: its call shapes, that arguments are data, where and as whom it runs, and what comes back.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { eachUserland, shareSandbox } = require('./support/sandboxes.js');
const { rejection } = require('./support/wait.js');
const { TRACE, WORDS } = require('./support/words.js');

/** @typedef {import('../index').DockerSandbox} DockerSandbox */

eachUserland('runCommand: shapes', ({ config }) => {
  const shared = shareSandbox(config);

  it('takes args, options, both or neither', async () => {
    const { sandbox } = shared;
    /** @type {Array<[any[], string]>} */
    const table = [
      [['echo hi'], 'hi\n'],
      [['echo', ['a  b', 'c']], 'a  b c\n'],
      [['echo', []], '\n'],
      [['sh', ['-lc', 'echo Hello from command']], 'Hello from command\n'],
      [['echo $WORD', { env: { WORD: 'option' } }], 'option\n'],
      [['sh', ['-c', 'echo $WORD'], { env: { WORD: 'third' } }], 'third\n'],
      [['echo $WORD', undefined, { env: { WORD: 'skipped' } }], 'skipped\n'],
      [['echo hi', {}], 'hi\n'],
      [['echo hi', [], {}], 'hi\n'],
      [['echo one && echo two | tr o 0; (echo three)'], 'one\ntw0\nthree\n'],
      [['printf "[%s]"', ['a b', '$HOME', ';']], '[a b][$HOME][;]'],
      [[''], ''],
      [['  # nothing'], ''],
    ];
    for (const [args, stdout] of table) {
      const result = await sandbox.runCommand(...args);
      assert.deepEqual({ stdout: result.stdout, exitCode: result.exitCode }, { stdout, exitCode: 0 });
    }
  });

  it('answers all fields, and none that says something out of the ordinary', async () => {
    const result = await shared.sandbox.runCommand('echo out; echo err >&2');
    assert.equal(typeof result.executionTime, 'number');
    assert.ok(result.executionTime >= 0);
    assert.equal(result.durationMs, result.executionTime);
    const { executionTime: _, durationMs: __, ...rest } = result;
    assert.deepEqual(rest, {
      stdout: 'out\n',
      stderr: 'err\n',
      exitCode: 0,
      sandboxId: shared.id,
      provider: 'docker',
    });
  });

  it('measures how long it ran', async () => {
    const { durationMs } = await shared.sandbox.runCommand('sleep 1');
    assert.ok(durationMs >= 900 && durationMs < 20_000, `${durationMs} ms`);
  });

  it('rejects arguments of the wrong shape', async () => {
    const { sandbox } = shared;
    /** @type {Array<[any[], RegExp]>} */
    const table = [
      [[5], /command/],
      [[undefined], /command/],
      [['echo', 'word'], /args/],
      [['echo', ['a', 1]], /args\[1\]/],
      [['echo', { tiemout: 5 }], /tiemout.*timeout/],
      [['echo', [], { cwd: 5 }], /options\.cwd/],
      [['echo', { env: { A: 1 } }], /options\.env\.A/],
      [['echo', { timeout: Number.NaN }], /options\.timeout/],
      [['echo', { timeout: -1 }], /timeout/],
      [['echo', { onStdout: 'x' }], /options\.onStdout/],
      [['echo', { signal: {} }], /options\.signal/],
      [['echo', { stdin: 5 }], /options\.stdin/],
      [['echo', { maxOutputBytes: -1 }], /maxOutputBytes/],
      [['echo', { background: true, onStdout: () => {} }], /options\.onStdout/],
    ];
    for (const [args, told] of table) {
      const error = await rejection(sandbox.runCommand(...args));
      assert.equal(error.code, 'ERR_INVALID_CONFIG', String(told));
      assert.match(error.message, told);
    }
  });
});

eachUserland('runCommand: data stays data', ({ config }) => {
  const shared = shareSandbox(config);

  it('passes every word as it is: arguments, environment, stdin', async () => {
    const { sandbox } = shared;
    const args = await sandbox.runCommand("printf '%s\\0'", WORDS);
    assert.deepEqual(args.stdout.split('\0').slice(0, -1), WORDS);

    const env = Object.fromEntries(WORDS.map((word, at) => [`WORD_${at}`, word]));
    const names = WORDS.map((_, at) => `"$WORD_${at}"`).join(' ');
    const told = await sandbox.runCommand(`printf '%s\\0' ${names}`, { env });
    assert.deepEqual(told.stdout.split('\0').slice(0, -1), WORDS);

    const stdin = WORDS.join('\0');
    assert.equal((await sandbox.runCommand('cat', { stdin })).stdout, stdin);
    assert.equal(await sandbox.filesystem.exists(TRACE), false);
  });

  it('runs in a folder of any name', async () => {
    const { sandbox } = shared;
    const hostile = WORDS.filter((word) => !word.includes('/') && word !== '\n').slice(0, 12);
    await Promise.all(
      hostile.map(async (word) => {
        const cwd = `/tmp/cwd/${word}`;
        await sandbox.filesystem.mkdir(cwd);
        assert.equal((await sandbox.runCommand('pwd', { cwd })).stdout, `${cwd}\n`);
      }),
    );
    assert.equal(await sandbox.filesystem.exists(TRACE), false);
  });

  it('takes a long argument, and fails clearly on one that no system takes', async () => {
    const { sandbox } = shared;
    const long = 'y'.repeat(100_000);
    assert.equal((await sandbox.runCommand('printf %s', [long])).stdout, long);
    // Never a result that looks like one of the command's own.
    for (const length of [200_000, 5_000_000]) {
      const error = await rejection(sandbox.runCommand('printf %s', ['y'.repeat(length)]));
      assert.match(error.code, /^ERR_CANNOT_RUN$/);
    }
    const env = { LONG: 'y'.repeat(200_000) };
    assert.match((await rejection(sandbox.runCommand('true', { env }))).code, /^ERR_CANNOT_RUN$/);
    assert.equal((await sandbox.runCommand('echo next')).stdout, 'next\n');
  });

  it('refuses a NUL instead of cutting there', async () => {
    const { sandbox } = shared;
    for (const call of [
      () => sandbox.runCommand('echo a\0b'),
      () => sandbox.runCommand('echo', ['a\0b']),
      () => sandbox.runCommand('echo', { env: { A: 'a\0b' } }),
      () => sandbox.runCommand('echo', { cwd: '/tmp\0/x' }),
    ]) {
      const error = await rejection(call());
      assert.equal(error.name, 'DockerProviderError');
      assert.match(error.code, /^ERR_/);
    }
    assert.equal((await sandbox.runCommand('echo next')).stdout, 'next\n');
  });
});

eachUserland('runCommand: where and as whom', ({ config }) => {
  const shared = shareSandbox({ ...config, container: { workdir: '/srv/app', env: { FROM: 'container' } } });

  it('starts in the workdir, and relative folders start there', async () => {
    const { sandbox } = shared;
    await sandbox.filesystem.mkdir('sub/deeper');
    assert.equal((await sandbox.runCommand('pwd')).stdout, '/srv/app\n');
    assert.equal((await sandbox.runCommand('pwd', { cwd: '/' })).stdout, '/\n');
    assert.equal((await sandbox.runCommand('pwd', { cwd: 'sub/deeper' })).stdout, '/srv/app/sub/deeper\n');
  });

  it('rejects a folder that is not there, or none', async () => {
    const { sandbox } = shared;
    const missing = await rejection(sandbox.runCommand('pwd', { cwd: '/no/such/folder' }));
    assert.equal(missing.code, 'ENOENT');
    assert.equal(missing.path, '/no/such/folder');
    const file = await rejection(sandbox.runCommand('pwd', { cwd: '/etc/passwd' }));
    assert.equal(file.code, 'ENOTDIR');
  });

  it('sets env over that of the container, for this call only', async () => {
    const { sandbox } = shared;
    const show = 'echo "$FROM $MORE"';
    assert.equal((await sandbox.runCommand(show)).stdout, 'container \n');
    const env = { FROM: 'call', MORE: 'more' };
    assert.equal((await sandbox.runCommand(show, { env })).stdout, 'call more\n');
    assert.equal((await sandbox.runCommand(show)).stdout, 'container \n');
    assert.match((await sandbox.runCommand('echo $PATH')).stdout, /\/usr\/local\/bin/);
  });

  it('runs as the user that is asked for', async () => {
    const { sandbox } = shared;
    const ids = 'echo $(id -u):$(id -g)';
    assert.equal((await sandbox.runCommand(ids)).stdout, '0:0\n');
    assert.match((await sandbox.runCommand(ids, { user: 'nobody' })).stdout, /^65534:\d+\n$/);
    assert.equal((await sandbox.runCommand(ids, { user: '1234:4321' })).stdout, '1234:4321\n');
    assert.equal((await sandbox.runCommand(ids)).stdout, '0:0\n');
  });

  it('rejects a user that is not there', async () => {
    const error = await rejection(shared.sandbox.runCommand('id', { user: 'no-such-user' }));
    assert.match(error.code, /^ERR_/);
    assert.match(error.message, /no-such-user/);
    assert.equal((await shared.sandbox.runCommand('echo next')).stdout, 'next\n');
  });
});

eachUserland('runCommand: stdin and exit codes', ({ config }) => {
  const shared = shareSandbox(config);

  it('gives stdin as text or bytes, and an end of file without', async () => {
    const { sandbox } = shared;
    assert.equal((await sandbox.runCommand('cat')).stdout, '');
    assert.equal((await sandbox.runCommand('cat', { stdin: '' })).stdout, '');
    assert.equal((await sandbox.runCommand('cat', { stdin: 'ünïcödé\n' })).stdout, 'ünïcödé\n');
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
    const { stdout } = await sandbox.runCommand('od -An -v -tu1', { stdin: bytes });
    assert.deepEqual(stdout.trim().split(/\s+/).map(Number), [...bytes]);
  });

  it('gives stdin of many megabytes, read or not', async () => {
    const { sandbox } = shared;
    const stdin = Buffer.alloc(5_000_000, 'abcdefghi\n');
    assert.equal((await sandbox.runCommand('wc -c', { stdin })).stdout.trim(), '5000000');
    assert.equal((await sandbox.runCommand('cat', { stdin })).stdout.length, 5_000_000);
    assert.equal((await sandbox.runCommand('head -c 3', { stdin })).stdout, 'abc');
    assert.equal((await sandbox.runCommand('exit 4', { stdin })).exitCode, 4);
  });

  it('tells exit codes, and 128 + n after a signal', async () => {
    const { sandbox } = shared;
    /** @type {Array<[string, number]>} */
    const table = [
      ['true', 0],
      ['false', 1],
      ['exit 3', 3],
      ['exit 255', 255],
      ['kill -KILL $$', 137],
      ['kill -TERM $$', 143],
      ['kill -INT $$', 130],
      ['sh -c "kill -SEGV \\$\\$"; exit $?', 139],
      ['no-such-command-here', 127],
      ['/etc/passwd', 126],
      ['if then', 2],
      ['exit 124', 124],
    ];
    for (const [command, exitCode] of table) {
      const result = await sandbox.runCommand(command);
      assert.equal(result.exitCode, exitCode, command);
      assert.equal(result.timedOut, undefined, command);
    }
    assert.match((await sandbox.runCommand('no-such-command-here')).stderr, /not found/);
  });

  it('ends with its process, whatever a child of it holds open', async () => {
    const began = Date.now();
    const { stdout } = await shared.sandbox.runCommand('sleep 120 & echo done');
    assert.equal(stdout, 'done\n');
    assert.ok(Date.now() - began < 60_000);
  });
});
