'use strict';

// Sandboxes that end by themselves, also where nobody is left to end them.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { docker } = require('../index.js');
const { exists, inspect } = require('./support/docker.js');
const { PYTHON } = require('./support/images.js');
const { runNode } = require('./support/node.js');
const { SUITE_TIMEOUT, useSandboxes } = require('./support/sandboxes.js');
const { rejection, sleep, until } = require('./support/wait.js');

/** @param {string} id */
const gone = (id) => until(async () => !(await exists(id)), 'the container goes by itself', 60_000);

describe('lifetime', { timeout: SUITE_TIMEOUT, concurrency: 4 }, () => {
  const sandboxes = useSandboxes();

  it('ends with the container, also one that is at work, and getInfo tells when', async () => {
    const sandbox = await sandboxes.create({ lifetime: { max: 4000 } });
    const info = await sandbox.getInfo();
    const { StartedAt } = (await inspect(sandbox.sandboxId)).State;
    const left = Number(info.expiresAt) - Date.parse(StartedAt);
    assert.ok(left > 3500 && left < 6000, String(left));
    const running = rejection(sandbox.runCommand('sleep 600'));
    await gone(sandbox.sandboxId);
    assert.equal((await running).code, 'ERR_SESSION_LOST');
    assert.equal((await rejection(sandbox.getInfo())).code, 'ERR_SANDBOX_NOT_FOUND');
  });

  it('can be extended, and other processes see it', async () => {
    const sandbox = await sandboxes.create({ lifetime: { max: 6000 } });
    const before = Number((await sandbox.getInfo()).expiresAt);
    const extended = await sandbox.extendLifetime(100_005);
    assert.ok(Math.abs(Number(extended) - before - 100_010) < 100, `${before} ${Number(extended)}`);
    const script = `
      sdk.docker().sandbox.getById(process.argv.at(-1)).then((it) => it.getInfo())
        .then(({ expiresAt }) => console.log(Number(expiresAt)));`;
    const { stdout } = await runNode(script, { argv: [sandbox.sandboxId] });
    assert.ok(Math.abs(Number(stdout) - Number(extended)) < 100, stdout);
    await sleep(Math.max(0, before + 300 - Date.now()));
    assert.equal((await sandbox.runCommand('echo alive')).stdout, 'alive\n');
    for (const wrong of [0, -1, 1e13]) {
      assert.equal((await rejection(sandbox.extendLifetime(wrong))).code, 'ERR_INVALID_CONFIG');
    }
  });

  it('cannot be extended from inside, by root neither', async () => {
    const sandbox = await sandboxes.create({ lifetime: { max: 200_000 } }, { runtime: 'python' });
    const before = Number((await sandbox.getInfo()).expiresAt);
    const attack = [
      'import os, ctypes, struct, signal',
      'for n in range(35, 65): os.kill(1, n)',
      'libc = ctypes.CDLL(None, use_errno=True)',
      'refused = 0',
      'for code in (0, -1, -6):',
      '    info = struct.pack("iiiiiI", 50, 0, code, 0, 0, 0).ljust(128, bytes(1))',
      '    refused += libc.syscall(129, 1, 50, info) != 0',
      'print(refused)',
      'try: os.write(os.open("/proc/1/comm", os.O_WRONLY), b"end fffffffffff")',
      'except OSError as e: print("no")',
    ].join('\n');
    const { stdout, stderr } = await sandbox.runCode(attack, 'python');
    assert.match(stdout, /^2\nno\n$/, stderr);
    assert.ok(Math.abs(Number((await sandbox.getInfo()).expiresAt) - before) < 100);
  });

  it('when idle: counts from the last call, and a command that runs is no idleness', async () => {
    const sandbox = await sandboxes.create({ lifetime: { idle: 2500 } });
    await sandbox.runCommand('sleep 1000', { background: true });
    assert.equal((await sandbox.runCommand('sleep 5; echo done')).stdout, 'done\n');
    const { expiresAt } = await sandbox.getInfo();
    assert.ok(Number(expiresAt) > Date.now() - 1000);
    await gone(sandbox.sandboxId);
    const idle = await rejection(sandbox.runCommand('true'));
    assert.equal(idle.code, 'ERR_SANDBOX_NOT_FOUND');
  });

  it('holds when the process that made it is dead', async () => {
    const script = `
      sdk.docker().sandbox.create({ lifetime: { max: 3000 } }).then((sandbox) => {
        console.log(sandbox.sandboxId);
        setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50);
      });`;
    const { stdout, signal } = await runNode(script);
    assert.equal(signal, 'SIGKILL');
    const id = sandboxes.trackContainer(stdout.trim());
    assert.match(id, /^[0-9a-f]{64}$/);
    await gone(id);
  });

  it('is none unless asked for', async () => {
    const sandbox = await sandboxes.create();
    assert.equal('expiresAt' in (await sandbox.getInfo()), false);
    const error = await rejection(sandbox.extendLifetime(1000));
    assert.equal(error.code, 'ERR_INVALID_CONFIG');
    assert.match(error.message, /no lifetime\.max/);
  });

  it('is refused where nobody could keep it', async () => {
    for (const config of [
      { session: /** @type {const} */ ('exec'), lifetime: { max: 1000 } },
      { createOptions: { Entrypoint: ['sleep', '9'] }, lifetime: { idle: 1000 } },
    ]) {
      const error = await rejection(docker(config).sandbox.create({ image: PYTHON }));
      assert.equal(error.code, 'ERR_INVALID_CONFIG');
      assert.match(error.message, /^lifetime: /);
    }
    assert.throws(() => docker({ lifetime: { max: 0 } }), /^DockerProviderError: lifetime\.max: /);
    const wrong = await rejection(docker().sandbox.create(/** @type {any} */ ({ lifetime: { maxx: 5 } })));
    assert.match(wrong.message, /lifetime\.maxx: .*did you mean .max./);
  });
});
