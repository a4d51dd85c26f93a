'use strict';

// What a sandbox uses, holding it still, and ending it with its block.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { docker } = require('../index.js');
const { exists, inspect, witness } = require('./support/docker.js');
const { runNode } = require('./support/node.js');
const { SUITE_TIMEOUT, eachSession, shareSandbox, useSandboxes } = require('./support/sandboxes.js');
const { rejection, until } = require('./support/wait.js');

const MIB = 1024 * 1024;

describe('metrics', { timeout: SUITE_TIMEOUT }, () => {
  const limits = { nanoCPUs: 5e8, memory: 256 * MIB, pidsLimit: 77 };
  const shared = shareSandbox({ container: { resources: limits } });
  const sandboxes = useSandboxes();

  it('tell use and limits of CPU, memory, network and processes', async () => {
    const idle = await shared.sandbox.metrics();
    assert.ok(idle.timestamp instanceof Date);
    assert.deepEqual([idle.cpu.limit, idle.memory.limitBytes, idle.pids.limit], [0.5, 256 * MIB, 77]);
    assert.ok(idle.memory.usedBytes > 0 && idle.memory.usedBytes < 100 * MIB, String(idle.memory.usedBytes));
    const code =
      'import time; keep = bytearray(100 * 2**20); print("up", flush=True); x = 0\nwhile True: x += 1';
    await shared.sandbox.filesystem.writeFile('/busy.py', code);
    await shared.sandbox.runCommand('exec python3 /busy.py', { background: true });
    const busy = await until(async () => {
      const now = await shared.sandbox.metrics();
      return now.memory.usedBytes > 100 * MIB && now.cpu.percent > 10 ? now : undefined;
    }, 'the sandbox is busy');
    assert.ok(busy.cpu.timeMs > idle.cpu.timeMs);
    assert.ok(busy.cpu.percent < 200, String(busy.cpu.percent));
    assert.ok(busy.pids.current > idle.pids.current);
    const { networks } = await witness.getContainer(shared.id).stats({ stream: false });
    assert.ok(busy.network.receivedBytes <= (networks?.eth0?.rx_bytes ?? 0));
  });

  it('come as a series until the loop ends, the signal is aborted or the sandbox is gone', async () => {
    const sandbox = await sandboxes.create();
    const seen = [];
    for await (const one of sandbox.metrics({ interval: 10 })) {
      seen.push(one);
      if (seen.length === 3) break;
    }
    assert.ok(seen.every((one, at) => at === 0 || Number(one.timestamp) >= Number(seen[at - 1]?.timestamp)));
    const abort = new AbortController();
    let count = 0;
    for await (const _ of sandbox.metrics({ interval: 60_000, signal: abort.signal })) {
      count += 1;
      abort.abort();
    }
    assert.equal(count, 1);
    for await (const _ of sandbox.metrics({ interval: 10 })) {
      count += 1;
      await sandbox.destroy();
    }
    assert.equal(count, 2);
    assert.equal((await rejection(sandbox.metrics())).code, 'ERR_SANDBOX_NOT_FOUND');
  });

  it('refuse what is no option, and a stopped sandbox', async () => {
    const sandbox = await sandboxes.create({ cleanup: 'never' });
    const wrong = await rejection(sandbox.metrics(/** @type {any} */ ({ intervall: 1 })));
    assert.match(wrong.message, /did you mean 'interval'/);
    await witness.getContainer(sandbox.sandboxId).kill();
    assert.equal((await rejection(sandbox.metrics())).code, 'ERR_SANDBOX_STOPPED');
  });
});

eachSession('pause and resume', (session) => {
  const sandboxes = useSandboxes();

  it('freeze what runs, refuse what is new, and let both go on', async () => {
    const sandbox = await sandboxes.create({ session });
    let began = () => {};
    const started = new Promise((resolve) => {
      began = () => resolve(undefined);
    });
    const running = sandbox.runCommand('echo up; sleep 0.3; echo done', { onStdout: began });
    await started;
    await sandbox.pause();
    await sandbox.pause();
    assert.equal((await inspect(sandbox.sandboxId)).State.Paused, true);
    assert.equal((await sandbox.getInfo()).status, 'running');
    assert.ok((await sandbox.metrics()).memory.usedBytes > 0);
    assert.equal((await rejection(sandbox.filesystem.exists('/tmp'))).code, 'ERR_SANDBOX_STOPPED');
    await sandbox.resume();
    await sandbox.resume();
    assert.equal((await running).stdout, 'up\ndone\n');
    assert.equal((await sandbox.runCommand('echo again')).stdout, 'again\n');
  });

  it('do not hang a sandbox whose commands are just starting', async () => {
    const sandbox = await sandboxes.create({ session });
    const allowed = (/** @type {any} */ { value, reason }) =>
      value?.stdout === 'x\n' || reason?.code === 'ERR_SANDBOX_STOPPED' || reason?.statusCode === 409;
    for (let n = 0; n < 3; n += 1) {
      const commands = Promise.allSettled(Array.from({ length: 3 }, () => sandbox.runCommand('echo x')));
      await sandbox.pause();
      const late = Promise.allSettled([sandbox.runCommand('echo x')]);
      await sandbox.resume();
      const outcomes = [...(await commands), ...(await late)];
      assert.ok(outcomes.every(allowed), JSON.stringify(outcomes));
    }
    assert.equal((await sandbox.runCommand('echo on')).stdout, 'on\n');
    await sandbox.destroy();
    assert.equal(await exists(sandbox.sandboxId), false);
  });

  it('of a sandbox that is gone, say so; a paused one can be destroyed', async () => {
    const sandbox = await sandboxes.create({ session });
    await sandbox.pause();
    await sandbox.destroy();
    assert.equal(await exists(sandbox.sandboxId), false);
    for (const call of /** @type {const} */ (['pause', 'resume'])) {
      assert.equal((await rejection(sandbox[call]())).code, 'ERR_SANDBOX_NOT_FOUND');
    }
  });
});

describe('await using', { timeout: SUITE_TIMEOUT }, () => {
  it('ends the sandbox, whatever ended its block', async () => {
    const sandbox = await docker().sandbox.create();
    await sandbox[Symbol.asyncDispose]();
    assert.equal(await exists(sandbox.sandboxId), false);
    await sandbox[Symbol.asyncDispose]();
  });

  it('works as TypeScript compiles it', async () => {
    const ts = require('typescript');
    const source = `(async () => {
      try {
        await using sandbox = await sdk.docker().sandbox.create();
        console.log(sandbox.sandboxId);
        throw new Error('thrown');
      } catch (error) {
        console.log(error.message);
      }
    })();`;
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { target: ts.ScriptTarget.ES2022 },
    });
    const [id = '', message] = (await runNode(outputText)).stdout.split('\n');
    assert.equal(message, 'thrown');
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.equal(await exists(id), false);
  });
});
