'use strict';

// Terminals: what programs in them see, and what they draw, on a screen that is rendered here.

const assert = require('node:assert/strict');
const { it, describe } = require('node:test');
const { Terminal } = require('@xterm/headless');
const { processesWith } = require('./support/docker.js');
const { NODE, NODE_ONLY } = require('./support/images.js');
const { SUITE_TIMEOUT, shareSandbox, useSandboxes } = require('./support/sandboxes.js');
const { rejection, until, within } = require('./support/wait.js');

/** @typedef {import('../index').SandboxTerminal} SandboxTerminal */
/** @typedef {import('../index').TerminalOptions} TerminalOptions */

/** A terminal of a sandbox with a screen in front of it. */
class Screen {
  /** @param {{ cols: number, rows: number }} size */
  constructor(size) {
    this.emulator = new Terminal({ ...size, allowProposedApi: true });
    this.raw = '';
  }

  /**
   * @param {{ sandbox: import('../index').DockerSandbox }} shared
   * @param {TerminalOptions} [options]
   */
  static async open(shared, { cols = 80, rows = 24, ...options } = {}) {
    const screen = new Screen({ cols, rows });
    const onData = (/** @type {string} */ data) => {
      screen.raw += data;
      return new Promise((/** @type {(value: void) => void} */ resolve) =>
        screen.emulator.write(data, resolve),
      );
    };
    const terminal = await shared.sandbox.terminal.create({ cols, rows, onData, ...options });
    // A terminal answers questions, such as where its cursor is.
    screen.emulator.onData((answer) => terminal.write(answer).catch(() => undefined));
    return { screen, terminal };
  }

  /** The rows as they are to be seen, without the blanks at their ends. */
  rows() {
    const { active } = this.emulator.buffer;
    return Array.from({ length: this.emulator.rows }, (_, at) =>
      (active.getLine(active.viewportY + at)?.translateToString(true) ?? '').trimEnd(),
    );
  }

  /** @param {string | RegExp} words */
  async shows(words) {
    const there = () => {
      const text = this.rows().join('\n');
      return typeof words === 'string' ? text.includes(words) : words.test(text);
    };
    await until(there, `the screen shows ${words}: ${JSON.stringify(this.raw.slice(-400))}`).catch(
      (error) => {
        error.message += `\n${this.rows().join('\n')}`;
        throw error;
      },
    );
  }
}

describe('a terminal', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({ session: 'agent', container: { env: { GREETING: 'hello' } } });

  it('is a real one: size, name, environment, folder, end', async () => {
    const { screen, terminal } = await Screen.open(shared, {
      cols: 90,
      rows: 20,
      cwd: '/tmp',
      env: { OWN: 'set' },
    });
    await terminal.write('tty; stty size; echo "$TERM $LANG $GREETING $OWN $PWD $$"\n');
    await screen.shows(`xterm-256color C.UTF-8 hello set /tmp ${terminal.pid}\n`);
    assert.match(screen.rows().join('\n'), /^\/dev\/pts\/\d+\n20 90$/m);
    await terminal.write('exit 7\n');
    const { exitCode, pid, sandboxId } = await within(terminal.wait(), 'the end');
    assert.deepEqual([exitCode, pid, sandboxId], [7, terminal.pid, shared.id]);
    assert.equal((await rejection(terminal.write('late'))).code, 'EPIPE');
    assert.equal(await terminal.kill(), false);
  });

  it('tells its programs of a new size', async () => {
    const { screen, terminal } = await Screen.open(shared, { shell: '/bin/sh' });
    // In a shell of its own: one that has job control is not in the foreground itself.
    const script = 'trap "stty size" WINCH; echo rea""dy; while :; do sleep 0.05; done';
    await terminal.write(`sh -c '${script}'\n`);
    await screen.shows('ready');
    await terminal.resize({ cols: 100, rows: 31 });
    await screen.shows('31 100');
    await terminal.resize(70, 11);
    await screen.shows('11 70');
    const error = await rejection(terminal.resize(0, 11));
    assert.match(error.message, /^cols: expected a whole number from 1/);
    assert.equal(await terminal.kill(), true);
    assert.equal((await terminal.wait()).exitCode, 137);
  });

  it('has job control', async () => {
    const { screen, terminal } = await Screen.open(shared, { shell: '/bin/bash', env: { PS1: '> ' } });
    await terminal.write('sleep 8400001\n');
    await until(async () => (await processesWith(shared.id, 'sleep 8400001')).length === 1, 'it runs');
    await terminal.write('\x1a');
    await screen.shows(/Stopped\s+sleep 8400001/);
    const states = async () => (await processesWith(shared.id, 'sleep 8400001')).map(({ state }) => state);
    assert.deepEqual(await states(), ['T']);
    await terminal.write('fg\n');
    await until(async () => (await states())[0] === 'S', 'it goes on in the foreground');
    await terminal.write('\x03');
    await until(async () => (await processesWith(shared.id, 'sleep 8400001')).length === 0, 'Ctrl-C ends it');
    await terminal.write('echo "code $?"\n');
    await screen.shows('code 130');
    await terminal.kill();
  });

  it('never tears a character', async () => {
    const text = 'aé€😀'.repeat(500);
    const script = `import sys\nfor _ in range(100): print(${JSON.stringify(text)})\n`;
    await shared.sandbox.filesystem.writeFile('/tmp/utf8.py', script);
    let shown = '';
    const terminal = await shared.sandbox.terminal.create({
      shell: '/bin/sh',
      env: { PS1: '' },
      onData: (data) => {
        shown += data;
      },
    });
    await terminal.write('stty -echo; python3 /tmp/utf8.py; exit\n');
    await within(terminal.wait(), 'the end');
    assert.ok(!shown.includes('\ufffd'));
    assert.equal(shown.split(text).length, 101);
    assert.ok(!/[\ud800-\udbff]$/.test(shown));
  });

  it('keeps several apart', async () => {
    const all = await Promise.all(
      ['one', 'two', 'three'].map(() => Screen.open(shared, { shell: '/bin/sh' })),
    );
    await Promise.all(all.map(({ terminal }, at) => terminal.write(`echo "this is $((${at} + 41))"\n`)));
    await Promise.all(all.map(({ screen }, at) => screen.shows(`this is ${at + 41}`)));
    assert.equal(new Set(all.map(({ terminal }) => terminal.pid)).size, 3);
    await all[0]?.terminal.kill();
    await all[1]?.terminal.write('echo alive $((7 * 6))\n');
    await all[1]?.screen.shows('alive 42');
    await Promise.all(all.map(({ terminal }) => terminal.kill()));
  });

  it('ends with all in it: killed, aborted, or by a callback that throws', async () => {
    const runs = (/** @type {number} */ count) =>
      until(async () => (await processesWith(shared.id, 'sleep 8400002')).length === count, `${count} run`);
    const start = 'setsid sleep 8400002 & sleep 8400002\n';
    const killed = await Screen.open(shared);
    await killed.terminal.write(start);
    await runs(2);
    assert.equal(await killed.terminal.kill(), true);
    await runs(0);
    const controller = new AbortController();
    const aborted = await Screen.open(shared, { signal: controller.signal });
    await aborted.terminal.write(start);
    await runs(2);
    controller.abort();
    assert.equal((await rejection(within(aborted.terminal.wait(), 'the end'))).name, 'AbortError');
    await runs(0);
    const thrower = await shared.sandbox.terminal.create({
      onData: () => {
        throw new Error('my own');
      },
    });
    assert.equal((await rejection(within(thrower.wait(), 'the end'))).message, 'my own');
    const late = await shared.sandbox.terminal.create({ timeout: 200 });
    assert.equal((await within(late.wait(), 'the end')).timedOut, true);
  });

  it('refuses what it does not know', async () => {
    for (const [options, message] of /** @type {Array<[any, RegExp]>} */ ([
      [{ cols: 0 }, /^cols: /],
      [{ rows: 1.5 }, /^rows: /],
      [{ onData: 'x' }, /^options\.onData: expected a function/],
      [{ col: 80 }, /^options\.col: .*did you mean 'cols'/],
    ])) {
      const error = await rejection(shared.sandbox.terminal.create(options));
      assert.equal(error.code, 'ERR_INVALID_CONFIG');
      assert.match(error.message, message);
    }
    assert.equal(
      (await rejection(shared.sandbox.terminal.create({ shell: 'no-such-shell' }))).code,
      'ENOENT',
    );
  });
});

describe('full-screen programs in a terminal', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({ session: 'agent', runtime: 'node', image: { name: NODE } });

  it('vi draws its screen, edits, and draws anew at another size', async () => {
    const { screen, terminal } = await Screen.open(shared, { cols: 40, rows: 10, env: { PS1: '> ' } });
    // The shell asks where the cursor is; the answer must not come while vi reads.
    await until(() => screen.raw.includes('\x1b[6n'), 'the shell is ready');
    await terminal.write('vi /tmp/note\n');
    await screen.shows('/tmp/note');
    await terminal.write('ifirst line\rGrüße, 世界\rthird');
    await screen.shows('third');
    assert.deepEqual(screen.rows().slice(0, 9), [
      'first line',
      'Grüße, 世界',
      'third',
      ...Array.from({ length: 6 }, () => '~'),
    ]);
    await terminal.write('\x1b');
    await screen.shows(/^- \/tmp\/note/m);
    await terminal.write('ggdd');
    await until(() => screen.rows()[0]?.startsWith('Gr'), 'the first line is gone');
    screen.emulator.resize(50, 14);
    await terminal.resize({ cols: 50, rows: 14 });
    await until(() => screen.rows()[12] === '~', 'it fills the larger screen');
    assert.deepEqual(screen.rows().slice(0, 3), ['Grüße, 世界', 'third', '~']);
    await terminal.write(':wq\n');
    await terminal.write('exit\n');
    await within(terminal.wait(), 'the end');
    assert.equal(await shared.sandbox.filesystem.readFile('/tmp/note'), 'Grüße, 世界\nthird\n');
  });

  it('top draws its table, again and again, and goes at a key', async () => {
    const { screen, terminal } = await Screen.open(shared, { cols: 80, rows: 12, env: { PS1: '> ' } });
    await until(() => screen.raw.includes('\x1b[6n'), 'the shell is ready');
    await terminal.write('top -d 1\n');
    await screen.shows(/^\s+PID\s+PPID\s+USER/m);
    const [memory = '', cpu = '', load = '', heading = ''] = screen.rows();
    assert.match(memory, /^Mem: \d+K used, \d+K free/);
    assert.match(cpu, /^CPU:\s+\d+% usr/);
    assert.match(load, /^Load average: /);
    assert.match(heading, /COMMAND$/);
    await screen.shows(/\btop -d 1$/m);
    await terminal.write('q');
    await terminal.write('echo ba""ck\n');
    await screen.shows('back');
    await terminal.kill();
  });
});

describe('a terminal elsewhere', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('runs any program where there is no shell, and says what is missing', async () => {
    const sandbox = await sandboxes.create({ runtime: 'node', image: { name: NODE_ONLY } });
    const error = await rejection(sandbox.terminal.create());
    assert.equal(error.code, 'ERR_CANNOT_RUN');
    assert.match(error.message, /\/bin\/sh/);
    const { screen, terminal } = await Screen.open({ sandbox }, { shell: 'node' });
    await screen.shows(/^> $|^>$/m);
    await terminal.write('6 * 7\r');
    await screen.shows('42');
    await terminal.kill();
  });

  it('works on a read-only root for a user without rights', async () => {
    const sandbox = await sandboxes.create({
      session: 'agent',
      container: { user: 'nobody', capabilities: { drop: ['ALL'] } },
      createOptions: { HostConfig: { ReadonlyRootfs: true, SecurityOpt: ['no-new-privileges'] } },
    });
    const { screen, terminal } = await Screen.open({ sandbox });
    await terminal.write('id -un; tty\n');
    await screen.shows(/^nobody\n\/dev\/pts\/\d+$/m);
    await terminal.kill();
  });
});
