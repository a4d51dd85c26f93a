'use strict';

// Background commands: at once, with their own pid, and longer than the process that started them.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { exec, processes, processesWith } = require('./support/docker.js');
const { runNode } = require('./support/node.js');
const { eachUserland, shareSandbox } = require('./support/sandboxes.js');
const { rejection, until } = require('./support/wait.js');

eachUserland('background', ({ config }) => {
  const shared = shareSandbox(config);

  it('returns at once with the pid of the process', async () => {
    const began = Date.now();
    const result = await shared.sandbox.runCommand('sleep 8000001', { background: true });
    assert.ok(Date.now() - began < 60_000);
    assert.equal(result.isBackground, true);
    assert.equal(result.exitCode, 0);
    assert.deepEqual([result.stdout, result.stderr], ['', '']);
    assert.ok(Number.isInteger(result.pid));
    const { stdout } = await exec(shared.id, ['cat', `/proc/${result.pid}/cmdline`]);
    assert.match(stdout.replaceAll('\0', ' '), /sleep 8000001/);
    // It leads a group of its own, in which a shell may have left the work to a child.
    await shared.sandbox.runCommand(`kill -TERM -${result.pid}`);
    const gone = async () => (await processesWith(shared.id, 'sleep 8000001')).length === 0;
    await until(gone, 'a kill of its group ends it');
  });

  it('takes args, cwd, env and user', async () => {
    const script =
      'echo "$(pwd) $WORD $(id -u)" > /tmp/background-ran.part; mv /tmp/background-ran.part /tmp/background-ran';
    const options = { background: true, cwd: '/tmp', env: { WORD: 'a b' }, user: '1234:1234' };
    await shared.sandbox.runCommand('sh', ['-c', script], options);
    await until(() => shared.sandbox.filesystem.exists('/tmp/background-ran'), 'it has run');
    assert.equal(await shared.sandbox.filesystem.readFile('/tmp/background-ran'), '/tmp a b 1234\n');
  });

  it('runs on although it prints', async () => {
    const script =
      'n=0; while [ $n -lt 50 ]; do echo printed; echo err >&2; n=$((n + 1)); done; touch /tmp/printed';
    await shared.sandbox.runCommand(script, { background: true });
    await until(() => shared.sandbox.filesystem.exists('/tmp/printed'), 'it got to its end');
  });

  it('outlives the timeout of the call', async () => {
    await shared.sandbox.runCommand('sleep 2; touch /tmp/outlived', { background: true, timeout: 200 });
    await until(() => shared.sandbox.filesystem.exists('/tmp/outlived'), 'it got to its end');
  });

  it('rejects where it cannot start', async () => {
    const options = { background: true, cwd: '/no/such/folder' };
    assert.equal((await rejection(shared.sandbox.runCommand('true', options))).code, 'ENOENT');
  });

  it('leaves no zombie behind', async () => {
    await Promise.all(
      Array.from({ length: 5 }, () => shared.sandbox.runCommand('true', { background: true })),
    );
    await shared.sandbox.runCommand('(sleep 0.1 &) ; true');
    const zombies = async () => (await processes(shared.id)).filter(({ state }) => state === 'Z');
    await until(async () => (await zombies()).length === 0, 'every process is reaped');
  });

  it('runs code in the background too', async () => {
    const code =
      config.runtime === 'python'
        ? "open('/tmp/code-ran', 'w').write('yes')"
        : "require('fs').writeFileSync('/tmp/code-ran', 'yes')";
    const result = await shared.sandbox.runCode(code, config.runtime, { background: true });
    assert.equal(result.isBackground, true);
    assert.ok(Number.isInteger(result.pid));
    await until(() => shared.sandbox.filesystem.exists('/tmp/code-ran'), 'it has run');
  });

  it('outlives the Node process that started it', async () => {
    const script = `
      (async () => {
        const sandbox = await sdk.docker({ session: process.argv[2] }).sandbox.getById(process.argv[1]);
        const { pid } = await sandbox.runCommand('sleep 8000002', { background: true });
        console.log(pid);
      })();`;
    const ended = await runNode(script, { argv: [shared.id, config.session] });
    assert.equal(ended.code, 0, ended.stderr);
    const pid = Number(ended.stdout);
    const found = await processesWith(shared.id, 'sleep 8000002');
    assert.ok(
      found.some((one) => one.pid === pid),
      `${pid} is not among ${JSON.stringify(found)}`,
    );
  });
});
