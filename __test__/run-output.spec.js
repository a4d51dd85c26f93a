'use strict';

// What a command prints: callbacks, whole characters, limits, and many commands at once.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { processesWith } = require('./support/docker.js');
const { eachSession, eachUserland, shareSandbox } = require('./support/sandboxes.js');
const { rejection, sleep, until } = require('./support/wait.js');

/** Keeps what callbacks were given, in order. */
function recorder() {
  /** @type {Array<['stdout' | 'stderr', string]>} */
  const pieces = [];
  const text = (/** @type {string} */ wanted) =>
    pieces
      .filter(([stream]) => stream === wanted)
      .map(([, piece]) => piece)
      .join('');
  return {
    pieces,
    text,
    onStdout: (/** @type {string} */ piece) => void pieces.push(['stdout', piece]),
    onStderr: (/** @type {string} */ piece) => void pieces.push(['stderr', piece]),
  };
}

eachUserland('output', ({ config }) => {
  const shared = shareSandbox(config);

  it('arrives while the command runs, both streams in order', async () => {
    const { pieces, onStdout, onStderr } = recorder();
    const script = 'for n in 1 2 3; do echo out $n; sleep 0.3; echo err $n >&2; sleep 0.3; done';
    let early = false;
    const running = shared.sandbox.runCommand(script, {
      onStdout: (text) => {
        early ||= !settled;
        onStdout(text);
      },
      onStderr,
    });
    let settled = false;
    running.then(() => {
      settled = true;
    });
    const result = await running;
    assert.equal(early, true);
    const expected = [1, 2, 3].flatMap((n) => [
      ['stdout', `out ${n}\n`],
      ['stderr', `err ${n}\n`],
    ]);
    assert.deepEqual(pieces, expected);
    assert.equal(result.stdout, 'out 1\nout 2\nout 3\n');
    assert.equal(result.stderr, 'err 1\nerr 2\nerr 3\n');
  });

  it('is all delivered before the promise settles', async () => {
    const lines = 20_000;
    const script = `i=0; while [ $i -lt ${lines} ]; do echo line $i; i=$((i + 1)); done`;
    const { text, onStdout } = recorder();
    const result = await shared.sandbox.runCommand(script, { onStdout });
    const atSettling = text('stdout');
    assert.equal(atSettling, result.stdout);
    assert.ok(atSettling.endsWith(`line ${lines - 1}\n`));
    await sleep(100);
    assert.equal(text('stdout').length, atSettling.length);
  });

  it('reaches one callback without the other', async () => {
    const out = recorder();
    const err = recorder();
    const script = 'echo out; echo err >&2';
    const first = await shared.sandbox.runCommand(script, { onStdout: out.onStdout });
    const second = await shared.sandbox.runCommand(script, { onStderr: err.onStderr });
    assert.deepEqual(out.pieces, [['stdout', 'out\n']]);
    assert.deepEqual(err.pieces, [['stderr', 'err\n']]);
    for (const { stdout, stderr } of [first, second]) {
      assert.deepEqual({ stdout, stderr }, { stdout: 'out\n', stderr: 'err\n' });
    }
  });

  it('never tears a character, wherever its bytes part', async () => {
    const script = `
      printf 'a\\346'; sleep 0.2; printf '\\227'; sleep 0.2; printf '\\245b'
      printf '\\360\\237'; sleep 0.2; printf '\\216\\211'; printf 'c\\303' >&2; sleep 0.2; printf '\\251d' >&2`;
    const { text, pieces, onStdout, onStderr } = recorder();
    const result = await shared.sandbox.runCommand(script, { onStdout, onStderr });
    assert.equal(result.stdout, 'a日b🎉');
    assert.equal(result.stderr, 'céd');
    assert.equal(text('stdout'), result.stdout);
    assert.equal(text('stderr'), result.stderr);
    assert.ok(pieces.every(([, piece]) => piece !== '' && !piece.includes('\uFFFD')));
  });

  it('keeps a megabyte of multi-byte characters whole', async () => {
    const unit = 'ä日🎉x';
    const count = 100_000;
    const { text, onStdout } = recorder();
    const stdin = unit.repeat(count);
    const result = await shared.sandbox.runCommand('cat', { stdin, onStdout });
    assert.ok(result.stdout === stdin);
    assert.ok(text('stdout') === stdin);
  });

  it('replaces bytes that are no UTF-8, also at the end', async () => {
    const script = "printf 'a\\377b'; printf '\\346\\227'";
    const { text, onStdout } = recorder();
    const result = await shared.sandbox.runCommand(script, { onStdout });
    assert.equal(result.stdout, 'a\uFFFDb\uFFFD');
    assert.equal(text('stdout'), result.stdout);
  });

  it('keeps carriage returns and NULs', async () => {
    const result = await shared.sandbox.runCommand("printf 'a\\r\\nb\\000c'");
    assert.equal(result.stdout, 'a\r\nb\0c');
  });
});

eachSession('output: callbacks that fail', (session) => {
  const shared = shareSandbox({ session });

  for (const [what, fail] of /** @type {const} */ ([
    [
      'throws',
      (error) => () => {
        throw error;
      },
    ],
    ['rejects', (error) => async () => Promise.reject(error)],
  ])) {
    it(`ends the command and rejects with what a callback ${what}`, async () => {
      const mine = new Error('mine');
      const seconds = what === 'throws' ? '98761' : '98762';
      const running = shared.sandbox.runCommand(`echo go; sleep ${seconds}`, { onStdout: fail(mine) });
      assert.equal(await rejection(running), mine);
      const gone = async () => (await processesWith(shared.id, `sleep ${seconds}`)).length === 0;
      await until(gone, 'the command is gone');
      assert.equal((await shared.sandbox.runCommand('echo next')).stdout, 'next\n');
    });
  }

  it('waits for callbacks that are async functions', async () => {
    let done = 0;
    await shared.sandbox.runCommand('echo a; sleep 0.2; echo b', {
      onStdout: async () => {
        await sleep(200);
        done += 1;
      },
    });
    assert.equal(done, 2);
  });
});

eachSession('output: maxOutputBytes', (session) => {
  const shared = shareSandbox({ session });
  const ALL = 1_000_000;

  it('keeps the head, counts everything, and gives callbacks everything', async () => {
    const { text, onStdout } = recorder();
    const script = `yes 12345678 | head -c ${ALL}; echo short >&2`;
    for (const options of [{}, { onStdout }]) {
      const result = await shared.sandbox.runCommand(script, { maxOutputBytes: 1000, ...options });
      assert.equal(result.truncated, true);
      assert.equal(result.stdoutBytes, ALL);
      assert.equal(result.stderrBytes, 6);
      assert.equal(result.stdout, '12345678\n'.repeat(112).slice(0, 1000));
      assert.equal(result.stderr, 'short\n');
      assert.equal(result.exitCode, 0);
    }
    assert.equal(text('stdout').length, ALL);
  });

  it('says nothing of output that fits exactly', async () => {
    const result = await shared.sandbox.runCommand('printf 12345678', { maxOutputBytes: 8 });
    assert.equal(result.stdout, '12345678');
    assert.equal('truncated' in result, false);
    assert.equal('stdoutBytes' in result, false);
  });

  it('keeps whole characters only', async () => {
    const { stdout, truncated, stdoutBytes } = await shared.sandbox.runCommand('cat', {
      stdin: '日本語',
      maxOutputBytes: 5,
    });
    assert.equal(truncated, true);
    assert.equal(stdoutBytes, 9);
    assert.equal(stdout, '日');
  });

  it('can keep nothing', async () => {
    const result = await shared.sandbox.runCommand('echo gone', { maxOutputBytes: 0 });
    assert.equal(result.stdout, '');
    assert.equal(result.truncated, true);
    assert.equal(result.stdoutBytes, 5);
  });
});

eachSession('output: many at once', (session) => {
  const shared = shareSandbox({ session });

  it('keeps two hundred commands apart', async () => {
    const numbers = Array.from({ length: 200 }, (_, at) => at);
    const seen = new Map();
    const results = await Promise.all(
      numbers.map((number) =>
        shared.sandbox.runCommand(`echo out ${number}; echo err ${number} >&2; exit ${number % 7}`, {
          onStdout: (text) => seen.set(number, (seen.get(number) ?? '') + text),
        }),
      ),
    );
    for (const number of numbers) {
      assert.equal(results[number].stdout, `out ${number}\n`);
      assert.equal(results[number].stderr, `err ${number}\n`);
      assert.equal(results[number].exitCode, number % 7);
      assert.equal(seen.get(number), `out ${number}\n`);
    }
  });

  it('serves small commands while one floods', async () => {
    const flood = new AbortController();
    let bytes = 0;
    const flooding = shared.sandbox.runCommand('yes', {
      signal: flood.signal,
      maxOutputBytes: 1000,
      onStdout: (text) => {
        bytes += text.length;
      },
    });
    const outcome = rejection(flooding);
    await until(() => bytes > 1_000_000, 'the flood flows');
    for (let n = 0; n < 10; n += 1) {
      assert.equal((await shared.sandbox.runCommand(`echo ${n}`)).stdout, `${n}\n`);
    }
    flood.abort();
    assert.equal((await outcome).name, 'AbortError');
    const gone = async () => (await processesWith(shared.id, 'yes')).length === 0;
    await until(gone, 'the flood has stopped');
  });
});
