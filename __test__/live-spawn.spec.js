'use strict';

// Processes whose streams the caller holds.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { it, describe } = require('node:test');
const { text } = require('node:stream/consumers');
const { pipeline } = require('node:stream/promises');
const { Writable } = require('node:stream');
const { processesWith } = require('./support/docker.js');
const { NODE_ONLY } = require('./support/images.js');
const { runNode } = require('./support/node.js');
const { SUITE_TIMEOUT, eachSession, shareSandbox, useSandboxes } = require('./support/sandboxes.js');
const { rejection, rejections, sleep, until, within } = require('./support/wait.js');

/** @param {AsyncIterable<string>} process @returns {Promise<string[]>} */
async function linesOf(process) {
  const lines = [];
  for await (const line of process) lines.push(line);
  return lines;
}

/** Writes 64 KiB at a time for ever, and tells in a file how often. */
const WRITER = `
import sys
block = b'x' * 65536
n = 0
while True:
    sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()
    n += 1
    with open('/tmp/written', 'w') as file:
        file.write(str(n) + '\\n')
`;

eachSession('spawn', (session) => {
  const shared = shareSandbox({ session });
  const gone = (/** @type {string} */ words) =>
    until(async () => (await processesWith(shared.id, words)).length === 0, `${words} is gone`);

  it('gives streams, a pid and an end', async () => {
    const process = await shared.sandbox.spawn('echo "$$"; read word; echo "got $word" >&2; exit 3');
    process.stdin?.end('ä word\n');
    const [stdout, stderr, result] = await Promise.all([
      text(process.stdout),
      text(process.stderr),
      process.wait(),
    ]);
    assert.equal(stdout, `${process.pid}\n`);
    assert.equal(stderr, 'got ä word\n');
    const { exitCode, sandboxId, provider, pid } = result;
    assert.deepEqual(
      { exitCode, sandboxId, provider, pid },
      { exitCode: 3, sandboxId: shared.id, provider: 'docker', pid: process.pid },
    );
    assert.deepEqual([result.stdout, result.stderr], ['', '']);
    assert.ok(result.executionTime > 0 && result.executionTime === result.durationMs);
    assert.deepEqual(await process.wait(), result, 'asked again it tells the same');
  });

  it('takes a list as arguments, without a shell, and a text alone as shell text', async () => {
    const words = ['$HOME', '; exit 7', "it's", '', 'a b'];
    const script = 'import json, sys; print(json.dumps(sys.argv[1:]))';
    const listed = await shared.sandbox.spawn('python3', ['-c', script, ...words]);
    assert.deepEqual(JSON.parse((await linesOf(listed)).join('')), words);
    assert.deepEqual(await linesOf(await shared.sandbox.spawn('echo $((1 + 2)) | tr 3 4')), ['4']);
    const error = await rejection(shared.sandbox.spawn('echo 1', []));
    assert.deepEqual([error.code, error.syscall, error.path], ['ENOENT', 'execve', 'echo 1']);
  });

  it('takes cwd, env and user', async () => {
    const options = { cwd: '/tmp', env: { WORD: 'a b' }, user: '1234:1234' };
    const listed = await shared.sandbox.spawn('sh', ['-c', 'echo "$PWD $WORD $(id -u)"'], options);
    assert.deepEqual(await linesOf(listed), ['/tmp a b 1234']);
    const error = await rejection(shared.sandbox.spawn('true', { cwd: '/no/such' }));
    assert.equal(error.code, 'ENOENT');
  });

  it('goes line by line, whatever the pieces are', async () => {
    const script = "printf 'on'; sleep 0.1; printf 'e\\r\\nt\\303'; sleep 0.1; printf '\\244o\\n\\nend'";
    const process = await shared.sandbox.spawn(script);
    assert.deepEqual(await linesOf(process), ['one', 'täo', '', 'end']);
    assert.equal((await process.wait()).exitCode, 0);
  });

  it('holds up a process that nobody reads, and lets it go on when somebody does', async () => {
    const process = await shared.sandbox.spawn('python3', ['-c', WRITER]);
    const written = async () =>
      Number((await shared.sandbox.runCommand('cat /tmp/written 2>/dev/null')).stdout);
    await until(async () => (await written()) > 0, 'it writes');
    let before = -1;
    const stands = async () => {
      const now = await written();
      const same = now === before;
      before = now;
      if (!same) await sleep(200);
      return same;
    };
    await until(stands, 'it is held up');
    assert.ok(before * 65_536 < 16 * 1024 * 1024, `${before} blocks went somewhere`);
    process.stdout.resume();
    await until(async () => (await written()) > before + 300, 'it goes on');
    assert.equal(await process.kill(), true);
    assert.equal((await process.wait()).exitCode, 137);
  });

  it('lets go of what nobody has begun to read once its end is awaited', async () => {
    const process = await shared.sandbox.spawn('head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2');
    assert.equal((await within(process.wait(), 'the end')).exitCode, 0);
    const read = await shared.sandbox.spawn('head -c 3000000 /dev/zero; head -c 5000000 /dev/zero >&2');
    const end = read.wait();
    let bytes = 0;
    for await (const chunk of read.stdout) bytes += chunk.length;
    assert.equal(bytes, 3_000_000);
    assert.equal((await within(end, 'the end')).exitCode, 0);
  });

  it('carries bytes both ways as fast as the reader takes them', async () => {
    const process = await shared.sandbox.spawn('cat');
    const block = Buffer.alloc(100_000, 'abcdefg');
    let received = 0;
    const reading = pipeline(
      process.stdout,
      new Writable({
        write(chunk, _encoding, done) {
          received += chunk.length;
          setImmediate(done);
        },
      }),
    );
    for (let n = 0; n < 50; n += 1) {
      if (!process.stdin?.write(block)) await once(/** @type {any} */ (process.stdin), 'drain');
    }
    process.stdin?.end();
    await within(reading, 'the end of the output');
    assert.equal(received, 5_000_000);
    assert.equal((await process.wait()).exitCode, 0);
  });

  it('kills the tree', async () => {
    const script = "(setsid sleep 8100001 &); sh -c 'trap : TERM; sleep 8100001; :' & sleep 8100001";
    const process = await shared.sandbox.spawn(script);
    await until(async () => (await processesWith(shared.id, 'sleep 8100001')).length >= 3, 'all run');
    assert.equal(await process.kill(), true);
    await gone('sleep 8100001');
    assert.equal((await process.wait()).exitCode, 137);
    await until(async () => (await process.kill()) === false, 'it is known to have ended');
  });

  it('sends other signals, which may be answered', async () => {
    const polite = await shared.sandbox.spawn(
      'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.05; done',
    );
    const lines = polite[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, 'ready');
    assert.equal(await polite.kill('SIGTERM'), true);
    assert.equal((await lines.next()).value, 'bye');
    assert.equal((await polite.wait()).exitCode, 5);
    const plain = await shared.sandbox.spawn('sleep', ['8100002']);
    await plain.kill(2);
    assert.equal((await plain.wait()).exitCode, 130);
    const error = await rejection(plain.kill(/** @type {any} */ ('SIGNOPE')));
    assert.equal(error.code, 'ERR_INVALID_CONFIG');
    assert.match(error.message, /^signal: .*SIGNOPE/);
  });

  it('ends by its timeout and by its signal', async () => {
    const late = await shared.sandbox.spawn('sleep 8100003; :', { timeout: 200 });
    const { exitCode, timedOut } = await late.wait();
    assert.deepEqual({ exitCode, timedOut }, { exitCode: 124, timedOut: true });
    await gone('sleep 8100003');
    const controller = new AbortController();
    const aborted = await shared.sandbox.spawn('echo up; sleep 8100004', { signal: controller.signal });
    const lines = aborted[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, 'up');
    controller.abort(new Error('enough'));
    const error = await rejection(aborted.wait());
    assert.deepEqual([error.name, error.cause.message], ['AbortError', 'enough']);
    assert.equal((await rejection(lines.next())).name, 'AbortError');
    await gone('sleep 8100004');
    const never = await rejection(shared.sandbox.spawn('true', { signal: AbortSignal.abort() }));
    assert.equal(never.name, 'AbortError');
  });

  it('ends where it is disposed of', { skip: !Symbol.asyncDispose }, async () => {
    const process = await shared.sandbox.spawn('sleep', ['8100005']);
    await process[Symbol.asyncDispose]();
    await gone('sleep 8100005');
  });

  it('goes on when its output is destroyed', async () => {
    const process = await shared.sandbox.spawn('head -c 3000000 /dev/zero; exit 6');
    process.stdout.destroy();
    assert.equal((await within(process.wait(), 'the end')).exitCode, 6);
  });

  it('refuses what it does not know, before anything runs', async () => {
    for (const [args, message] of /** @type {Array<[any[], RegExp]>} */ ([
      [[{ background: true }], /^options\.background: unknown key/],
      [[['a', 1]], /^args\[1\]: expected a string/],
      [['a', {}], /^args: expected an array/],
      [[[], { timeout: 0 }], /^options\.timeout: /],
    ])) {
      const error = await rejection(shared.sandbox.spawn('true', ...args));
      assert.equal(error.code, 'ERR_INVALID_CONFIG');
      assert.match(error.message, message);
    }
  });

  it('ends with the program that started it, and does not keep that from ending', async () => {
    const script = `
      (async () => {
        const sandbox = await sdk.docker({ session: process.argv[2] }).sandbox.getById(process.argv[1]);
        const { pid } = await sandbox.spawn('sleep', ['8100006']);
        console.log(pid);
      })();`;
    const ended = await runNode(script, { argv: [shared.id, session] });
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stdout, /^\d+\n$/);
    // Over execs nobody is left who would know that the program is gone.
    if (session === 'exec') await shared.sandbox.processes.kill(Number(ended.stdout)).catch(() => undefined);
    await gone('sleep 8100006');
  });
});

describe('a live process whose sandbox goes', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('tells so by its streams and its end, and ends no program', async () => {
    const sandbox = await sandboxes.create({ session: 'agent' });
    const [heard, unheard] = [await sandbox.spawn('echo up; sleep 600'), await sandbox.spawn('sleep 600')];
    const lines = heard[Symbol.asyncIterator]();
    await lines.next();
    unheard.stdout.resume();
    await sandbox.destroy();
    const failing = rejections([lines.next(), heard.wait(), unheard.wait()]);
    for (const error of await within(failing, 'the failures')) assert.equal(error.code, 'ERR_SESSION_LOST');
    assert.equal((await rejection(sandbox.spawn('true'))).code, 'ERR_SANDBOX_NOT_FOUND');
  });
});

describe('spawn in an image without a shell', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({ runtime: 'node', image: { name: NODE_ONLY } });

  it('runs a program, and says what a text needs', async () => {
    const process = await shared.sandbox.spawn('node', ['-p', '6 * 7']);
    assert.deepEqual(await linesOf(process), ['42']);
    const error = await rejection(shared.sandbox.spawn('node -v'));
    assert.equal(error.code, 'ERR_CANNOT_RUN');
    assert.match(error.message, /\/bin\/sh/);
  });
});
