'use strict';

// runCode: what both runtimes share.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { docker } = require('../index.js');
const { witness } = require('./support/docker.js');
const { PYTHON } = require('./support/images.js');
const { SUITE_TIMEOUT, eachUserland, shareSandbox, useSandboxes } = require('./support/sandboxes.js');
const { rejection, within } = require('./support/wait.js');

/** The same program in both languages. */
const PROGRAMS = {
  python: {
    print: (/** @type {string} */ text) => `print(${JSON.stringify(text)})`,
    // One write each: print() makes two of a line, and nothing orders two pipes between them.
    streams: 'import sys\nsys.stdout.write("out\\n")\nsys.stderr.write("err\\n")\nsys.exit(3)',
    where: 'import os\nprint(os.getcwd())',
    env: 'import os\nprint(os.environ["WORD"])',
    stdin: 'import sys\nsys.stdout.write(sys.stdin.read())',
    sleep: 'import time\nprint("up")\ntime.sleep(600)',
    fail: 'raise ValueError("out of luck")',
    order:
      'import sys, time\nfor n in range(3):\n  print("out", n)\n  time.sleep(0.4)\n  print("err", n, file=sys.stderr)\n  time.sleep(0.4)',
    comment: '#',
    moduleName: 'mine_mod.py',
    module: 'WORD = "from the module"',
    useModule: 'import mine_mod\nprint(mine_mod.WORD)',
    wide: 'print("x" * 5000)',
  },
  node: {
    print: (/** @type {string} */ text) => `console.log(${JSON.stringify(text)})`,
    streams: 'console.log("out"); console.error("err"); process.exitCode = 3;',
    where: 'console.log(process.cwd())',
    env: 'console.log(process.env.WORD)',
    stdin: 'process.stdin.pipe(process.stdout)',
    sleep: 'console.log("up"); setTimeout(() => {}, 600000)',
    fail: 'throw new RangeError("out of luck")',
    order:
      'const wait = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);\nfor (let n = 0; n < 3; n++) { console.log("out", n); wait(); console.error("err", n); wait(); }',
    comment: '//',
    moduleName: 'mine_mod.js',
    module: 'exports.WORD = "from the module";',
    useModule: 'console.log(require("./mine_mod.js").WORD)',
    wide: 'console.log("x".repeat(5000))',
  },
};

eachUserland('runCode', ({ config, runtime }) => {
  const shared = shareSandbox(config);
  const program = PROGRAMS[runtime];

  it('answers all fields', async () => {
    const result = await shared.sandbox.runCode(program.streams, runtime);
    const { executionTime, durationMs, ...rest } = result;
    assert.equal(typeof executionTime, 'number');
    assert.equal(durationMs, executionTime);
    assert.ok(['out\nerr\n', 'err\nout\n'].includes(rest.output));
    assert.deepEqual(rest, {
      stdout: 'out\n',
      stderr: 'err\n',
      output: rest.output,
      exitCode: 3,
      language: runtime,
      sandboxId: shared.id,
      provider: 'docker',
    });
  });

  it("takes the sandbox's own runtime where the call names none", async () => {
    const { sandbox } = shared;
    for (const args of [[], [undefined], [undefined, {}], [{}]]) {
      const result = await sandbox.runCode(program.print('own'), ...args);
      assert.deepEqual([result.stdout, result.language], ['own\n', runtime]);
    }
  });

  it('refuses a runtime that is none, and code that is no string', async () => {
    const unknown = await rejection(shared.sandbox.runCode('1', 'ruby'));
    assert.equal(unknown.code, 'ERR_UNSUPPORTED_RUNTIME');
    assert.match(unknown.message, /ruby/);
    for (const code of [undefined, 5, {}]) {
      assert.equal((await rejection(shared.sandbox.runCode(code))).code, 'ERR_INVALID_CONFIG');
    }
  });

  it('runs nothing, and text that a shell or an option parser would mistake', async () => {
    const { sandbox } = shared;
    assert.deepEqual([(await sandbox.runCode('')).exitCode, (await sandbox.runCode('')).stdout], [0, '']);
    const odd = `it's "quoted" $(id) \`id\` \\n ünï 日本 🎉 %s !x`;
    assert.equal((await sandbox.runCode(program.print(odd))).stdout, `${odd}\n`);
    const dash = `-1\n${program.print('dash')}`;
    assert.equal((await sandbox.runCode(dash)).stdout, 'dash\n');
    const crlf = `${program.print('a')}\r\n${program.print('b')}\r\n`;
    assert.equal((await sandbox.runCode(crlf)).stdout, 'a\nb\n');
  });

  it('runs code of any size', async () => {
    const line = `${program.comment} ${'é'.repeat(100)}\n`;
    for (const size of [130_000, 1_000_000]) {
      const filler = line.repeat(Math.ceil(size / Buffer.byteLength(line)));
      const result = await shared.sandbox.runCode(`${filler}${program.print('reached')}`);
      assert.deepEqual([result.stdout, result.stderr, result.exitCode], ['reached\n', '', 0]);
    }
  });

  it('runs in the workdir or in cwd, with env and user', async () => {
    const { sandbox } = shared;
    assert.equal((await sandbox.runCode(program.where)).stdout, '/workspace\n');
    assert.equal((await sandbox.runCode(program.where, runtime, { cwd: '/tmp' })).stdout, '/tmp\n');
    assert.equal((await sandbox.runCode(program.env, { env: { WORD: 'a "b" $c' } })).stdout, 'a "b" $c\n');
    const user = runtime === 'python' ? 'import os\nprint(os.getuid())' : 'console.log(process.getuid())';
    assert.equal((await sandbox.runCode(user, runtime, { user: '1234' })).stdout, '1234\n');
  });

  it('imports modules that lie in the workdir', async () => {
    await shared.sandbox.filesystem.writeFile(program.moduleName, program.module);
    assert.equal((await shared.sandbox.runCode(program.useModule)).stdout, 'from the module\n');
  });

  it('reads stdin, which is empty where none is given', async () => {
    const { sandbox } = shared;
    assert.equal((await sandbox.runCode(program.stdin, { stdin: 'typed ü\n' })).stdout, 'typed ü\n');
    assert.equal((await sandbox.runCode(program.stdin)).stdout, '');
  });

  it('refuses stdin beside code that is too large for an argument, which goes in by stdin itself', async () => {
    const large = `${program.comment.padEnd(200_000, 'x')}\n${program.stdin}`;
    const error = await rejection(shared.sandbox.runCode(large, { stdin: 'typed\n' }));
    assert.equal(error.code, 'ERR_INVALID_CONFIG');
    assert.match(error.message, /stdin/);
  });

  it('answers a failing program as a result', async () => {
    const result = await shared.sandbox.runCode(program.fail);
    assert.equal(result.exitCode, 1);
    assert.match(result.stderr, /(Value|Range)Error: out of luck/);
    assert.equal((await shared.sandbox.runCode(program.print('next'))).stdout, 'next\n');
  });

  it('keeps stdout and stderr in the order of arrival', async () => {
    const expected = [0, 1, 2].map((n) => `out ${n}\nerr ${n}\n`).join('');
    /** @type {string[]} */
    const pieces = [];
    const onStdout = (/** @type {string} */ text) => void pieces.push(text);
    const watched = await shared.sandbox.runCode(program.order, { onStdout, onStderr: onStdout });
    const plain = await shared.sandbox.runCode(program.order);
    assert.equal(plain.output, expected);
    assert.equal(watched.output, expected);
    assert.equal(pieces.join(''), expected);
  });

  it('ends on timeout', async () => {
    const running = shared.sandbox.runCode(program.sleep, runtime, { timeout: 3000 });
    const result = await within(running, 'the code');
    assert.deepEqual([result.exitCode, result.timedOut, result.stdout], [124, true, 'up\n']);
  });

  it('keeps the head of what passes maxOutputBytes', async () => {
    const result = await shared.sandbox.runCode(program.wide, { maxOutputBytes: 100 });
    assert.equal(result.truncated, true);
    assert.equal(result.stdoutBytes, 5001);
    assert.equal(result.stdout, 'x'.repeat(100));
    assert.ok(result.output.length <= 200);
  });

  it('keeps twenty programs at once apart, and leaves no file behind', async () => {
    const before = await shared.sandbox.filesystem.readdir('/workspace');
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, n) => shared.sandbox.runCode(program.print(`program ${n}`))),
    );
    for (const [n, result] of results.entries()) assert.equal(result.stdout, `program ${n}\n`);
    const after = await shared.sandbox.filesystem.readdir('/workspace');
    // Python keeps compiled modules in __pycache__.
    const names = (/** @type {any[]} */ entries) =>
      entries.map(({ name }) => name).filter((name) => !name.startsWith('__'));
    assert.deepEqual(names(after), names(before));
  });
});

describe('runCode without a runtime', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('refuses where neither the call nor the label names one', async () => {
    const container = await witness.createContainer({
      Image: PYTHON,
      Cmd: ['sleep', '600'],
      Labels: { 'com.computesdk.sandbox': 'true' },
    });
    sandboxes.trackContainer(container.id);
    await container.start();
    const sandbox = await docker().sandbox.getById(container.id);
    const error = await rejection(sandbox.runCode('print(1)'));
    assert.equal(error.code, 'ERR_UNSUPPORTED_RUNTIME');
    assert.equal((await sandbox.runCode('print(1)', 'python')).stdout, '1\n');
    assert.equal((await sandbox.runCommand('echo by exec')).stdout, 'by exec\n');
    assert.equal((await sandbox.getInfo()).metadata.session, 'exec');
  });
});
