'use strict';

// What runs in a sandbox, and background commands by their pid.

const assert = require('node:assert/strict');
const { it, describe } = require('node:test');
const { docker } = require('../index.js');
const { exec, processesWith } = require('./support/docker.js');
const { runNode } = require('./support/node.js');
const { SUITE_TIMEOUT, eachUserland, shareSandbox, useSandboxes } = require('./support/sandboxes.js');
const { rejection, rejections, until, within } = require('./support/wait.js');

eachUserland('processes', ({ session, config }) => {
  const shared = shareSandbox(config);
  const background = async (/** @type {string} */ command, /** @type {object} */ options = {}) => {
    const { pid } = await shared.sandbox.runCommand(command, { background: true, ...options });
    return Number(pid);
  };

  it('lists what runs', async () => {
    const began = Date.now();
    const pid = await background('exec sh -c "while :; do :; done" busy two', { user: '1234' });
    const entry = await until(
      async () => (await shared.sandbox.processes.list()).find((one) => one.pid === pid && one.cpuTime >= 50),
      'it has used processor time',
    );
    assert.equal(entry.command, 'sh -c while :; do :; done busy two');
    assert.equal(entry.state, 'running');
    assert.ok(entry.memory > 4096 && entry.memory < 100_000_000, `${entry.memory} bytes`);
    assert.ok(Math.abs(entry.startedAt.getTime() - began) < 60_000, `${entry.startedAt}`);
    assert.ok(entry.parentPid >= 0);
    await shared.sandbox.processes.kill(pid);
    const pids = async () => (await shared.sandbox.processes.list()).map((one) => one.pid);
    await until(async () => !(await pids()).includes(pid), 'its parent has taken note');
    const all = await pids();
    assert.deepEqual(
      all,
      all.toSorted((a, b) => a - b),
    );
  });

  it('kills a process with all that it started', async () => {
    const pid = await background('sleep 8200001 & sh -c "sleep 8200001; :" & wait');
    await until(async () => (await processesWith(shared.id, 'sleep 8200001')).length >= 3, 'all run');
    await shared.sandbox.processes.kill(pid);
    assert.deepEqual(await processesWith(shared.id, 'sleep 8200001'), []);
    const error = await rejection(shared.sandbox.processes.kill(pid));
    assert.deepEqual([error.code, error.syscall], ['ESRCH', 'kill']);
    assert.equal((await rejection(shared.sandbox.processes.kill(1))).code, 'EPERM');
  });

  it('sends other signals', async () => {
    const file = '/tmp/caught';
    const pid = await background(
      `trap 'echo caught > ${file}' USR1; while ! [ -s ${file} ]; do sleep 0.05; done`,
    );
    await until(async () => {
      const signals = await exec(shared.id, ['sh', '-c', `grep SigCgt /proc/${pid}/status`]);
      return (Number.parseInt(signals.stdout.slice(-4), 16) & 0x200) !== 0;
    }, 'it listens to USR1');
    await shared.sandbox.processes.kill(pid, 'SIGUSR1');
    await until(
      async () => !(await shared.sandbox.processes.list()).some((one) => one.pid === pid),
      'it has ended',
    );
    assert.equal(await shared.sandbox.filesystem.readFile(file), 'caught\n');
  });

  it('waits until a server listens', async () => {
    const server =
      config.runtime === 'python'
        ? 'sleep 0.3; exec python3 -m http.server 8765'
        : "sleep 0.3; exec node -e \"require('http').createServer((q, r) => r.end('hi')).listen(8765)\"";
    const pid = await background(server);
    await shared.sandbox.processes.waitForPort(8765);
    const response = await fetch(await shared.sandbox.getUrl({ port: 8765 }));
    assert.equal(response.status, 200);
    await response.text();
    await shared.sandbox.processes.kill(pid);
    const late = await rejection(shared.sandbox.processes.waitForPort(8766, { timeout: 100 }));
    assert.equal(late.code, 'ERR_PORT_CLOSED');
    assert.match(late.message, /8766/);
    const signal = AbortSignal.timeout(100);
    const aborted = await rejection(shared.sandbox.processes.waitForPort(8766, { signal }));
    assert.equal(aborted.name, 'AbortError');
  });

  if (session === 'exec') {
    it('says what needs the agent', async () => {
      const pid = await background('sleep 8200002');
      const { processes, terminal } = shared.sandbox;
      const follow = async () => {
        for await (const piece of processes.logs(pid, { follow: true })) assert.fail(piece.data);
      };
      for (const error of await rejections([
        processes.wait(pid),
        processes.logs(pid),
        follow(),
        processes.connect(pid),
        terminal.create(),
      ])) {
        assert.equal(error.code, 'ERR_AGENT_UNAVAILABLE');
        assert.match(error.message, /needs the agent/);
      }
      await processes.kill(pid);
    });
  }
});

/** @param {AsyncIterable<{ stream: string, data: string }>} pieces */
async function gather(pieces) {
  const all = { stdout: '', stderr: '' };
  for await (const { stream, data } of pieces) all[/** @type {'stdout'} */ (stream)] += data;
  return all;
}

describe('background commands by their pid', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();
  const shared = shareSandbox({ session: 'agent', container: { user: 'nobody', workdir: '/tmp' } });
  const background = async (/** @type {string} */ command, /** @type {object} */ options = {}) => {
    const { pid } = await shared.sandbox.runCommand(command, { background: true, ...options });
    return Number(pid);
  };

  it('keeps what they print and how they end', async () => {
    const pid = await background('echo out; echo err >&2; sleep 0.2; echo "grün"; exit 4');
    const { exitCode, sandboxId } = await shared.sandbox.processes.wait(pid);
    assert.deepEqual([exitCode, sandboxId], [4, shared.id]);
    assert.deepEqual(await shared.sandbox.processes.logs(pid), { stdout: 'out\ngrün\n', stderr: 'err\n' });
    assert.deepEqual(await gather(shared.sandbox.processes.logs(pid, { follow: true })), {
      stdout: 'out\ngrün\n',
      stderr: 'err\n',
    });
    assert.equal((await shared.sandbox.processes.wait(pid)).exitCode, 4);
    const listed = await background('exec sleep 8300000');
    const found = (await shared.sandbox.processes.list()).find((one) => one.pid === listed);
    assert.equal(found?.isBackground, true);
    await shared.sandbox.processes.kill(listed, 'SIGTERM');
    assert.equal((await shared.sandbox.processes.wait(listed)).exitCode, 143);
  });

  it('follows while they print, and lets go without a trace', async () => {
    const pid = await background('n=0; while :; do echo $n; n=$((n + 1)); sleep 0.02; done');
    let seen = '';
    for await (const { stream, data } of shared.sandbox.processes.logs(pid, { follow: true })) {
      assert.equal(stream, 'stdout');
      seen += data;
      if (seen.includes('20\n')) break;
    }
    assert.ok(seen.startsWith('0\n1\n2\n'), seen);
    assert.equal((await processesWith(shared.id, 'n=$((n + 1))')).length, 1);
    await shared.sandbox.processes.kill(pid);
  });

  it('tells all of it to another program, long after the first has ended', async () => {
    const script = `
      (async () => {
        const sandbox = await sdk.docker().sandbox.getById(process.argv[1]);
        const { pid } = await sandbox.runCommand('echo first; until [ -e /tmp/go ]; do sleep 0.05; done; echo last; exit 9', { background: true });
        console.log(pid);
      })();`;
    const ended = await runNode(script, { argv: [shared.id] });
    assert.equal(ended.code, 0, ended.stderr);
    const pid = Number(ended.stdout);
    const { processes } = shared.sandbox;
    await until(async () => (await processes.logs(pid)).stdout === 'first\n', 'it has printed');
    const [following, waiting] = [gather(processes.logs(pid, { follow: true })), processes.wait(pid)];
    await shared.sandbox.runCommand('touch /tmp/go');
    assert.deepEqual(await within(following, 'the log'), { stdout: 'first\nlast\n', stderr: '' });
    assert.equal((await within(waiting, 'the end')).exitCode, 9);
    const other = await docker().sandbox.getById(shared.id);
    assert.equal((await other?.processes.logs(pid))?.stdout, 'first\nlast\n');
  });

  it('connects to one as if it had been spawned', async () => {
    const pid = await background(
      'echo before; until [ -e /tmp/on ]; do sleep 0.05; done; echo after; exit 2',
    );
    const process = await shared.sandbox.processes.connect(pid);
    assert.deepEqual([process.pid, process.stdin], [pid, null]);
    const lines = process[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, 'before');
    await shared.sandbox.runCommand('touch /tmp/on');
    assert.equal((await lines.next()).value, 'after');
    assert.equal((await lines.next()).done, true);
    assert.equal((await process.wait()).exitCode, 2);
    const killed = await shared.sandbox.processes.connect(await background('sleep 8300001; :'));
    assert.equal(await killed.kill(), true);
    assert.equal((await killed.wait()).exitCode, 137);
    assert.deepEqual(await processesWith(shared.id, 'sleep 8300001'), []);
  });

  it('knows those of another user too', async () => {
    const pid = await background('echo by $(id -u); sleep 8300002', { user: 'root' });
    const { processes } = shared.sandbox;
    await until(async () => (await processes.logs(pid)).stdout === 'by 0\n', 'it has printed');
    await processes.kill(pid);
    assert.equal((await processes.wait(pid)).exitCode, 137);
    assert.deepEqual(await processesWith(shared.id, 'sleep 8300002'), []);
  });

  it('keeps the newest of a flood, which stops nobody', async () => {
    const pid = await background('seq 1 1000000; exit 3');
    assert.equal((await within(shared.sandbox.processes.wait(pid), 'the end')).exitCode, 3);
    const { stdout } = await shared.sandbox.processes.logs(pid);
    assert.equal(stdout.length, 512 * 1024);
    assert.ok(stdout.endsWith('999999\n1000000\n'));
  });

  it('says so where there is none of that pid', async () => {
    const { processes } = shared.sandbox;
    const running = await shared.sandbox.spawn('sleep', ['8300003']);
    const calls = [processes.wait(running.pid), processes.logs(999_999), processes.connect(999_999)];
    for (const error of await rejections(calls)) {
      assert.equal(error.code, 'ESRCH');
      assert.match(error.message, /no background command/);
    }
    await running.kill();
    assert.equal((await rejection(processes.wait(/** @type {any} */ ('7')))).code, 'ERR_INVALID_CONFIG');
  });

  it('works on a read-only root and with shared memory that is full, or missing', async () => {
    for (const HostConfig of [{ ReadonlyRootfs: true }, { ShmSize: 8192 }, { IpcMode: 'none' }]) {
      const sandbox = await sandboxes.create({ session: 'agent', createOptions: { HostConfig } });
      const { pid = 0 } = await sandbox.runCommand('head -c 3000000 /dev/zero | tr "\\0" x; exit 5', {
        background: true,
      });
      assert.equal(
        (await within(sandbox.processes.wait(pid), 'the end')).exitCode,
        5,
        JSON.stringify(HostConfig),
      );
      const { stdout } = await sandbox.processes.logs(pid);
      assert.match(stdout, /^x*$/);
      if (!HostConfig.ShmSize) assert.equal(stdout.length, 512 * 1024);
      await sandbox.destroy();
    }
  });

  it('does not pile up what has ended', async () => {
    const pids = [];
    for (let n = 0; n < 30; n += 1) pids.push(await background(`echo ${n}`));
    await Promise.all(pids.map((pid) => shared.sandbox.processes.wait(pid).catch(() => undefined)));
    await shared.sandbox.processes.wait(await background('true'));
    const { stdout } = await exec(shared.id, ['sh', '-c', 'ls /dev/shm/.computesdk-*/ | wc -l']);
    assert.ok(Number(stdout) <= 20, stdout);
    assert.equal((await shared.sandbox.processes.logs(Number(pids.at(-1)))).stdout, '29\n');
  });
});
