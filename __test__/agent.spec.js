'use strict';

// The agent in places that are hard to live in, and beside users who mean it no good.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { docker } = require('../index.js');
const { containersWith, exec, inspect, processesWith, witness } = require('./support/docker.js');
const { NODE_ONLY, PYTHON, SCRATCH } = require('./support/images.js');
const { SUITE_TIMEOUT, shareSandbox, useSandboxes } = require('./support/sandboxes.js');
const { counter, rejection, until, within } = require('./support/wait.js');

describe('an image without a shell', { timeout: SUITE_TIMEOUT }, () => {
  const bare = shareSandbox({ image: { name: SCRATCH } });
  const node = shareSandbox({ runtime: 'node', image: { name: NODE_ONLY } });

  it('has the agent, which is all that it needs', async () => {
    for (const { sandbox } of [bare, node]) {
      assert.equal((await sandbox.getInfo()).metadata.session, 'agent');
      assert.equal((await sandbox.getInfo()).status, 'running');
    }
  });

  it('says so when a command is asked for', async () => {
    for (const { sandbox } of [bare, node]) {
      for (const options of [{}, { background: true }]) {
        const error = await rejection(sandbox.runCommand('echo hi', options));
        assert.equal(error.code, 'ERR_CANNOT_RUN');
        assert.match(error.message, /\/bin\/sh/);
      }
    }
  });

  it('runs code where the interpreter is, and says where it is not', async () => {
    assert.equal((await node.sandbox.runCode('console.log(6 * 7)')).stdout, '42\n');
    assert.match((await rejection(node.sandbox.runCode('f('))).message, /^Syntax error: SyntaxError/);
    const large = `// ${'x'.repeat(200_000)}\nconsole.log("large")`;
    assert.equal((await node.sandbox.runCode(large)).stdout, 'large\n');
    const error = await rejection(bare.sandbox.runCode('print(1)', 'python'));
    assert.equal(error.code, 'ERR_CANNOT_RUN');
    assert.match(error.message, /python/);
  });

  it('has files', async () => {
    const { filesystem } = bare.sandbox;
    await filesystem.writeFile('/made/here/file', 'content');
    assert.equal(await filesystem.readFile('/made/here/file'), 'content');
    assert.deepEqual(
      (await filesystem.readdir('/made/here')).map(({ name, size }) => [name, size]),
      [['file', 7]],
    );
    await filesystem.mkdir('/made/folder');
    await filesystem.remove('/made');
    assert.equal(await filesystem.exists('/made'), false);
    assert.equal((await rejection(filesystem.readFile('/made'))).code, 'ENOENT');
  });

  it('is refused with session exec, and leaves no container behind', async () => {
    const metadata = { trace: 'no-shell-by-exec' };
    const error = await rejection(
      docker({ session: 'exec', image: { name: SCRATCH } }).sandbox.create({ metadata }),
    );
    assert.match(error.code, /^ERR_/);
    assert.deepEqual(await containersWith('com.computesdk.meta.trace=no-shell-by-exec'), []);
  });
});

describe('the agent, locked in', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({
    session: 'agent',
    container: {
      user: '65534:65534',
      workdir: '/tmp',
      networkMode: 'none',
      capabilities: { drop: ['ALL'] },
      resources: { memory: 64 * 1024 * 1024, pidsLimit: 32 },
    },
    createOptions: {
      HostConfig: {
        ReadonlyRootfs: true,
        SecurityOpt: ['no-new-privileges'],
        Tmpfs: { '/tmp': 'noexec,mode=1777' },
      },
    },
  });

  it('runs commands, code and files', async () => {
    const { sandbox } = shared;
    assert.equal((await sandbox.runCommand('echo $(id -u) $(pwd)')).stdout, '65534 /tmp\n');
    assert.equal((await sandbox.runCode('print(6 * 7)')).stdout, '42\n');
    await sandbox.filesystem.writeFile('file', 'content');
    assert.equal(await sandbox.filesystem.readFile('/tmp/file'), 'content');
    const late = await sandbox.runCommand('sleep 60', { timeout: 500 });
    assert.equal(late.exitCode, 124);
    assert.equal((await sandbox.getInfo()).metadata.session, 'agent');
  });
});

describe('the agent at the pids limit', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({ session: 'agent', container: { resources: { pidsLimit: 20 } } });

  it('says so, and works when there is room', async () => {
    const { sandbox, id } = shared;
    /** @type {any} */
    let refused;
    for (let n = 0; n < 30 && !refused; n += 1) {
      refused = await within(
        sandbox.runCommand('sleep 600', { background: true }).then(
          () => undefined,
          (error) => error,
        ),
        'the start',
      );
    }
    assert.equal(refused?.name, 'DockerProviderError');
    assert.match(refused.message, /EAGAIN|pids|processes|temporarily unavailable/i);
    assert.equal(await sandbox.filesystem.exists('/etc/passwd'), true);
    await witness.getContainer(id).update({ PidsLimit: 100 });
    assert.equal((await sandbox.runCommand('echo next')).stdout, 'next\n');
    assert.equal((await sandbox.getInfo()).metadata.session, 'agent');
  });
});

describe('the agent and hostile code', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  for (const user of ['root', 'nobody']) {
    it(`comes back when ${user} kills everything`, async () => {
      const sandbox = await sandboxes.create({ session: 'agent', container: { user } });
      const up = counter();
      const running = rejection(sandbox.runCommand('echo up; sleep 300', { onStdout: up.count }));
      await until(() => up.calls > 0, 'the command runs');
      const killer = await rejection(sandbox.runCommand('kill -9 -1; sleep 5'));
      const error = await within(running, 'the call in flight');
      for (const lost of [killer, error]) assert.equal(lost.code, 'ERR_SESSION_LOST');
      assert.equal((await within(sandbox.runCommand('echo next'), 'the next')).stdout, 'next\n');
      assert.equal((await sandbox.getInfo()).metadata.session, 'agent');
    });
  }

  it('cannot be read, written to or impersonated by its own user', async () => {
    const sandbox = await sandboxes.create({ session: 'agent', container: { user: 'nobody' } });
    const script = `
      for at in /proc/[0-9]*; do
        [ "$(tr '\\0' ' ' < $at/cmdline 2>/dev/null)" = '/.computesdk/agent serve ' ] || continue
        echo found
        ls $at/fd/ >/dev/null 2>&1 && echo lists-descriptors
        (echo garbage > $at/fd/1) 2>/dev/null && echo writes-stdout
        (head -c 1 $at/mem) >/dev/null 2>&1 && echo reads-memory
        (cat $at/environ) >/dev/null 2>&1 && echo reads-environment
      done; true`;
    assert.equal((await sandbox.runCommand(script)).stdout, 'found\n');
    const everyDescriptor = `
import os
for fd in range(3, 1024):
    try:
        os.write(fd, b"\\xff" * 64)
        print("wrote to", fd)
    except OSError:
        pass`;
    assert.equal((await sandbox.runCode(everyDescriptor)).stdout, '');
    assert.equal((await sandbox.runCommand('echo intact')).stdout, 'intact\n');
  });

  it('is an ordinary program where others start it', async () => {
    const sandbox = await sandboxes.create({ session: 'agent' });
    const script =
      'head -c 1000 /dev/urandom | timeout 10 /.computesdk/agent serve | head -c 100000 | wc -c; echo ended';
    const { stdout } = await sandbox.runCommand(script, { user: 'nobody' });
    assert.match(stdout, /\nended\n$/);
    assert.equal((await sandbox.runCommand('echo intact')).stdout, 'intact\n');
  });

  it('keeps its binary from being changed', async () => {
    const sandbox = await sandboxes.create({ session: 'agent' });
    const error = await rejection(sandbox.filesystem.writeFile('/.computesdk/agent', 'mine'));
    assert.match(error.code, /^(EROFS|ETXTBSY)$/);
    assert.match((await sandbox.runCommand('rm -f /.computesdk/agent')).stderr, /Read-only file system/i);
    assert.equal((await sandbox.runCommand('echo intact')).stdout, 'intact\n');
  });

  it('does not show in what commands see of their surroundings', async () => {
    const sandbox = await sandboxes.create({ session: 'agent' });
    const { stdout } = await sandbox.runCommand(
      'ls -l /proc/self/fd | grep -c -v "total"; echo $PPID | grep -c .',
    );
    assert.match(stdout, /^[34]\n1\n$/);
  });
});

describe('one agent for each user', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({ session: 'agent' });

  it('serves them side by side', async () => {
    const { sandbox, id } = shared;
    const users = ['root', 'nobody', '1234', 'root', 'nobody', '1234'];
    const results = await Promise.all(users.map((user) => sandbox.runCommand('id -u', { user })));
    const ids = { root: '0', nobody: '65534', 1234: '1234' };
    assert.deepEqual(
      results.map(({ stdout }) => stdout.trim()),
      users.map((user) => ids[user]),
    );
    await Promise.all(users.map((user) => sandbox.runCommand('true', { user })));
    const serving = await processesWith(id, 'agent serve');
    // One for each, and that of calls which name no user.
    assert.ok(serving.length >= 3 && serving.length <= 4, `${serving.length}`);
  });
});

describe('the agent as the first process', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('ends at once on a polite stop', async () => {
    const sandbox = await sandboxes.create({ session: 'agent', container: { autoRemove: false } });
    await sandbox.runCommand('sleep 600', { background: true });
    const began = Date.now();
    await witness.getContainer(sandbox.sandboxId).stop({ t: 120 });
    assert.ok(Date.now() - began < 60_000);
    assert.equal((await inspect(sandbox.sandboxId)).State.Running, false);
  });

  it('is small', async () => {
    const sandbox = await sandboxes.create({ session: 'agent' });
    await sandbox.runCommand('true');
    const { stdout } = await exec(sandbox.sandboxId, ['sh', '-c', 'cat /proc/1/status']);
    const [, resident] = /VmRSS:\s+(\d+) kB/.exec(stdout) ?? [];
    assert.ok(Number(resident) < 4096, `${resident} kB`);
  });
});

describe('a container without the agent', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  it('is served by execs, or refused where the agent is asked for', async () => {
    const container = await witness.createContainer({
      Image: PYTHON,
      Cmd: ['sleep', '600'],
      Labels: { 'com.computesdk.sandbox': 'true', 'com.computesdk.runtime': 'python' },
    });
    sandboxes.trackContainer(container.id);
    await container.start();
    const fallback = await docker({ session: 'auto' }).sandbox.getById(container.id);
    assert.equal((await fallback.runCommand('echo by exec')).stdout, 'by exec\n');
    const { metadata } = await fallback.getInfo();
    assert.equal(metadata.session, 'exec');
    assert.match(metadata.sessionReason, /\w/);
    const strict = await docker({ session: 'agent' }).sandbox.getById(container.id);
    const error = await rejection(strict.runCommand('echo'));
    assert.equal(error.code, 'ERR_AGENT_UNAVAILABLE');
  });
});
