'use strict';

// Code contexts: what one run leaves, the next one finds.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { processesWith } = require('./support/docker.js');
const { eachUserland, shareSandbox, useSandboxes } = require('./support/sandboxes.js');
const { rejection, until, within } = require('./support/wait.js');

/** The same in both languages. */
const WORDS = {
  python: {
    set: 'x = 41; import math',
    use: 'print("hi"); x + 1',
    list: '[math.pi > 3, "ä"]',
    shown: "[True, 'ä']",
    fail: 'print("before"); raise ValueError("boom")',
    told: /^Traceback .*\n {2}File "<cell \d+>", line 1, in <module>\n(?:.*\n)*ValueError: boom\n$/,
    broken: 'def f(:',
    complaint: 'Syntax error: SyntaxError: invalid syntax',
    spin: 'while True: pass',
    quit: 'import os; os._exit(7)',
    both: 'import sys\nprint("out")\nsys.stderr.write("err\\n"); None',
    rich: 'class R:\n  def _repr_html_(self): return "<b>1</b>"\n  def _repr_png_(self): return b"png"\nR()',
    where: 'import os; (os.getcwd(), os.environ["WORD"], os.getuid())',
    place: "('/tmp', 'a b', 1234)",
    slow: (/** @type {number} */ n) =>
      `import time\ntime.sleep(0.1)\nseen = globals().get("seen", []) + [${n}]\nseen`,
    seen: '[1, 2, 3]',
    ticking: 'import time\nfor n in range(3):\n  print(n)\n  time.sleep(0.05)',
  },
  node: {
    set: 'const x = 41; const math = await import("node:os")',
    use: 'console.log("hi"); x + 1',
    list: '[typeof math.cpus, "ä"]',
    shown: "[ 'function', 'ä' ]",
    fail: 'console.log("before"); throw new TypeError("boom")',
    told: /^TypeError: boom\n {4}at cell-\d+\.js:1:\d+\n$/,
    broken: 'function (',
    complaint: 'Syntax error: SyntaxError: Function statements require a function name',
    spin: 'while (true) {}',
    quit: 'process.exit(7)',
    both: 'console.log("out"); console.error("err")',
    rich: '({ [Symbol.for("Jupyter.display")]: () => ({ "text/html": "<b>1</b>", "image/png": "cG5n" }) })',
    where: '[process.cwd(), process.env.WORD, process.getuid()]',
    place: "[ '/tmp', 'a b', 1234 ]",
    slow: (/** @type {number} */ n) =>
      `await new Promise((done) => setTimeout(done, 100)); globalThis.seen = [...(globalThis.seen ?? []), ${n}]`,
    seen: '[ 1, 2, 3 ]',
    ticking:
      'for (const n of [0, 1, 2]) { console.log(n); await new Promise((done) => setTimeout(done, 50)); }',
  },
};

eachUserland('code contexts', ({ config, runtime }) => {
  const sandboxes = useSandboxes();
  const shared = shareSandbox(config);
  const words = WORDS[runtime];

  it('keep variables and imports, and show what an expression comes to', async () => {
    const context = await shared.sandbox.createCodeContext();
    assert.equal(context.runtime, runtime);
    const first = await shared.sandbox.runCode(words.set, { context });
    assert.deepEqual([first.exitCode, first.stdout, first.stderr, first.result], [0, '', '', undefined]);
    const { stdout, result, exitCode, language } = await shared.sandbox.runCode(words.use, { context });
    assert.deepEqual(
      { stdout, result, exitCode, language },
      {
        stdout: 'hi\n',
        result: { text: '42' },
        exitCode: 0,
        language: runtime,
      },
    );
    assert.equal((await shared.sandbox.runCode(words.list, runtime, { context })).result?.text, words.shown);
    const rich = await shared.sandbox.runCode(words.rich, { context });
    assert.deepEqual([rich.result?.html, rich.result?.png], ['<b>1</b>', 'cG5n']);
    const both = await shared.sandbox.runCode(words.both, { context });
    assert.deepEqual([both.stdout, both.stderr, both.result], ['out\n', 'err\n', undefined]);
    await context.remove();
  });

  it('tell failures and syntax errors, and go on', async () => {
    const context = await shared.sandbox.createCodeContext();
    await shared.sandbox.runCode(words.set, { context });
    const failed = await shared.sandbox.runCode(words.fail, { context });
    assert.deepEqual([failed.exitCode, failed.stdout], [1, 'before\n']);
    assert.match(failed.stderr, words.told);
    const error = await rejection(shared.sandbox.runCode(words.broken, { context }));
    assert.deepEqual([error.code, error.message], ['ERR_SYNTAX', words.complaint]);
    assert.equal((await shared.sandbox.runCode('x', { context })).result?.text, '41');
    await context.remove();
  });

  it('are interrupted by timeout and abort, and lose nothing', async () => {
    const context = await shared.sandbox.createCodeContext();
    await shared.sandbox.runCode(words.set, { context });
    const late = await within(shared.sandbox.runCode(words.spin, { context, timeout: 300 }), 'the timeout');
    assert.deepEqual([late.exitCode, late.timedOut], [124, true]);
    assert.equal((await shared.sandbox.runCode('x', { context })).result?.text, '41');
    const signal = AbortSignal.timeout(300);
    const aborted = await rejection(
      within(shared.sandbox.runCode(words.spin, { context, signal }), 'the abort'),
    );
    assert.equal(aborted.name, 'AbortError');
    assert.equal((await shared.sandbox.runCode('x', { context })).result?.text, '41');
    await context.remove();
  });

  it('give their output while it is printed', async () => {
    const context = await shared.sandbox.createCodeContext();
    /** @type {string[]} */
    const pieces = [];
    const onStdout = (/** @type {string} */ text) => pieces.push(text);
    const { stdout } = await shared.sandbox.runCode(words.ticking, { context, onStdout });
    assert.equal(stdout, '0\n1\n2\n');
    assert.equal(pieces.join(''), stdout);
    assert.ok(pieces.length > 1, `${pieces.length} pieces`);
    await context.remove();
  });

  it('wait for each other in one context, and know nothing of another', async () => {
    const [context, other] = await Promise.all([
      shared.sandbox.createCodeContext(),
      shared.sandbox.createCodeContext({ cwd: '/tmp', env: { WORD: 'a b' }, user: '1234' }),
    ]);
    const results = await Promise.all(
      [1, 2, 3].map((n) => shared.sandbox.runCode(words.slow(n), { context })),
    );
    assert.equal(results[2]?.result?.text, words.seen);
    assert.equal((await shared.sandbox.runCode(words.where, { context: other })).result?.text, words.place);
    assert.equal((await shared.sandbox.runCode('seen', { context: other })).exitCode, 1);
    await Promise.all([context.remove(), other.remove()]);
  });

  it('start anew when asked to, and when their interpreter ended', async () => {
    const context = await shared.sandbox.createCodeContext();
    await shared.sandbox.runCode(words.set, { context });
    await context.restart();
    assert.equal((await shared.sandbox.runCode('x', { context })).exitCode, 1);
    assert.equal((await shared.sandbox.runCode(words.quit, { context })).exitCode, 7);
    assert.equal((await shared.sandbox.runCode('1 + 1', { context })).result?.text, '2');
    await context.remove();
    await context.remove();
    assert.equal((await rejection(shared.sandbox.runCode('1', { context }))).code, 'ERR_CANNOT_RUN');
    const gone = async () => (await processesWith(shared.id, 'COMPUTESDK_MARK')).length === 0;
    await until(gone, 'no interpreter is left');
  });

  it('refuse what is not theirs', async () => {
    const context = await shared.sandbox.createCodeContext();
    const other = await sandboxes.create(config);
    for (const [call, message] of /** @type {Array<[() => Promise<unknown>, RegExp]>} */ ([
      [() => shared.sandbox.runCode('1', { context, cwd: '/' }), /^options\.cwd: cannot be given/],
      [
        () => shared.sandbox.runCode('1', { context: /** @type {any} */ ({}) }),
        /^options\.context: expected/,
      ],
      [() => other.runCode('1', { context }), /^options\.context: .*another sandbox/],
      [() => shared.sandbox.runCode('1', runtime === 'node' ? 'python' : 'node', { context }), /^runtime: /],
      [() => shared.sandbox.createCodeContext(/** @type {any} */ ({ run: 1 })), /^options\.run: unknown key/],
    ])) {
      const error = await rejection(call());
      assert.equal(error.code, 'ERR_INVALID_CONFIG', error.message);
      assert.match(error.message, message);
    }
    const runtimeMissing = /** @type {any} */ ({ runtime: 'ruby' });
    assert.equal(
      (await rejection(shared.sandbox.createCodeContext(runtimeMissing))).code,
      'ERR_UNSUPPORTED_RUNTIME',
    );
    await context.remove();
  });
});
