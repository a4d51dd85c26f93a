'use strict';

// The addon as a guest of a Node process: it holds nothing open, survives workers and exits, and leaks nothing.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { runNode } = require('./support/node.js');
const { SUITE_TIMEOUT, eachSession, shareSandbox } = require('./support/sandboxes.js');

/** @param {import('./support/node').Ended} ended @param {{ code?: number, stdout?: string }} expected */
function assertEnded(ended, { code = 0, stdout }) {
  assert.equal(ended.signal, null, `killed: ${ended.stderr}`);
  assert.equal(ended.code, code, ended.stderr);
  if (stdout !== undefined) assert.equal(ended.stdout, stdout, ended.stderr);
}

describe('the event loop', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox();

  it('is not held by loading, nor by a provider', async () => {
    assertEnded(await runNode('console.log(typeof sdk.docker)'), { stdout: 'function\n' });
    assertEnded(await runNode('sdk.docker(); sdk.docker({ runtime: "node" });'), { stdout: '' });
  });

  it('is not held by a sandbox that is done', async () => {
    const script = `
      (async () => {
        const sandbox = await sdk.docker().sandbox.create();
        try {
          const { stdout } = await sandbox.runCommand('echo done', { onStdout() {}, signal: new AbortController().signal });
          await sandbox.filesystem.exists('/');
          process.stdout.write(stdout);
        } finally {
          await sandbox.destroy();
        }
      })();`;
    assertEnded(await runNode(script), { stdout: 'done\n' });
  });

  it('is not held by a sandbox that lives on', async () => {
    const script = `
      sdk.docker().sandbox.getById(process.argv[1])
        .then((sandbox) => sandbox.runCommand('echo lives'))
        .then(({ stdout }) => process.stdout.write(stdout));`;
    assertEnded(await runNode(script, { argv: [shared.id] }), { stdout: 'lives\n' });
  });

  it('is held by a pending call', async () => {
    const script = `
      sdk.docker().sandbox.getById(process.argv[1]).then((sandbox) => {
        sandbox.runCommand('sleep 1; echo plain').then(({ stdout }) => process.stdout.write(stdout));
        sandbox.runCommand('sleep 2; echo watched', { onStdout: (text) => process.stdout.write(text) });
      });`;
    assertEnded(await runNode(script, { argv: [shared.id] }), { stdout: 'plain\nwatched\n' });
  });
});

describe('the end of a process', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox();
  const pending = `
    const start = async (then) => {
      const sandbox = await sdk.docker().sandbox.getById(process.argv[1]);
      let up = 0;
      for (let n = 0; n < 5; n++) {
        sandbox.runCommand('while :; do echo busy; sleep 0.05; done', { onStdout: () => { if (++up === 20) then(); } });
      }
      sandbox.filesystem.writeFile('/tmp/large', Buffer.alloc(20_000_000));
      sdk.docker().sandbox.list();
    };`;

  it('may come in the middle: process.exit', async () => {
    assertEnded(await runNode(`${pending} start(() => process.exit(7));`, { argv: [shared.id] }), {
      code: 7,
    });
  });

  it('may come in the middle: an uncaught exception', async () => {
    const script = `${pending} start(() => setImmediate(() => { throw new Error('uncaught'); }));`;
    const ended = await runNode(script, { argv: [shared.id] });
    assertEnded(ended, { code: 1 });
    assert.match(ended.stderr, /uncaught/);
  });

  it('may come in the middle: SIGTERM', async () => {
    const script = `${pending} start(() => process.kill(process.pid, 'SIGTERM'));`;
    const ended = await runNode(script, { argv: [shared.id] });
    assert.equal(ended.signal, 'SIGTERM');
  });
});

describe('worker threads', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox();
  const prologue = `
    const { Worker } = require('node:worker_threads');
    const index = require.resolve('./index.js');
    const worker = (body) => new Worker(
      'const sdk = require(' + JSON.stringify(index) + ');' +
      'const { parentPort, workerData: id } = require("node:worker_threads");' +
      '(async () => {' + body + '})();', { eval: true, workerData: process.argv[1] });
    const message = (w) => new Promise((resolve, reject) => w.once('message', resolve).once('error', reject));
    const exit = (w) => new Promise((resolve) => w.once('exit', resolve));
    const echo = 'const s = await sdk.docker().sandbox.getById(id);' +
      'parentPort.postMessage((await s.runCommand("echo from worker")).stdout);';`;

  it('load it, run commands and end', async () => {
    const script = `${prologue}
      (async () => {
        const workers = [1, 2, 3].map(() => worker(echo));
        const ends = Promise.all(workers.map(exit));
        const told = await Promise.all(workers.map(message));
        const codes = await ends;
        const main = await (await sdk.docker().sandbox.getById(process.argv[1])).runCommand('echo main');
        console.log(JSON.stringify([told, codes, main.stdout]));
      })();`;
    const ended = await runNode(script, { argv: [shared.id] });
    assertEnded(ended, {});
    const line = 'from worker\n';
    assert.deepEqual(JSON.parse(ended.stdout), [[line, line, line], [0, 0, 0], 'main\n']);
  });

  it('may be terminated with calls pending', async () => {
    const busy = `
      'const s = await sdk.docker().sandbox.getById(id);' +
      'let up = 0; const onStdout = () => { if (++up === 10) parentPort.postMessage("busy"); };' +
      'for (let n = 0; n < 5; n++) s.runCommand("while :; do echo busy; sleep 0.02; done", { onStdout });' +
      's.runCommand("sleep 60", { signal: new AbortController().signal });' +
      's.filesystem.writeFile("/tmp/large", Buffer.alloc(20000000)); sdk.docker().sandbox.list();'`;
    const script = `${prologue}
      (async () => {
        for (let round = 0; round < 5; round++) {
          const w = worker(${busy});
          await message(w);
          await w.terminate();
        }
        const last = worker(echo);
        process.stdout.write(await message(last));
        const main = await (await sdk.docker().sandbox.getById(process.argv[1])).runCommand('echo main');
        process.stdout.write(main.stdout);
      })();`;
    assertEnded(await runNode(script, { argv: [shared.id] }), { stdout: 'from worker\nmain\n' });
  });

  it('and a second load in one thread work side by side', async () => {
    const script = `
      (async () => {
        const index = require.resolve('./index.js');
        for (const key of Object.keys(require.cache)) if (!key.endsWith('.node')) delete require.cache[key];
        const again = require(index);
        for (const one of [sdk, again]) {
          const sandbox = await one.docker().sandbox.getById(process.argv[1]);
          process.stdout.write((await sandbox.runCommand('echo twice')).stdout);
        }
      })();`;
    assertEnded(await runNode(script, { argv: [shared.id] }), { stdout: 'twice\ntwice\n' });
  });
});

eachSession('a thousand commands', (session) => {
  const shared = shareSandbox({ session });
  const count = session === 'agent' ? 1000 : 200;

  it('grow neither descriptors nor listeners', async () => {
    const script = `
      const fs = require('node:fs');
      const { getEventListeners } = require('node:events');
      process.on('warning', (warning) => console.error(warning));
      (async () => {
        const [, id, session, count] = process.argv;
        const sandbox = await sdk.docker({ session }).sandbox.getById(id);
        const { signal } = new AbortController();
        const options = { signal, onStdout() {} };
        const batch = (size) => Promise.all(Array.from({ length: size }, () => sandbox.runCommand('echo', options)));
        const listening = () => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
        const open = () => fs.readdirSync('/proc/self/fd').length;
        // More at once than the measured batches, so that the pool keeps as many idle connections as it ever will.
        for (let n = 0; n < 3; n++) await batch(30);
        const before = { open: open(), listening: listening() };
        for (let done = 0; done < Number(count); done += 10) await batch(10);
        // What has ended closes its connection a moment after it has answered.
        for (let wait = 0; wait < 100 && open() > before.open; wait++) await new Promise((r) => setTimeout(r, 50));
        console.log(JSON.stringify({
          descriptors: open() - before.open,
          listeners: getEventListeners(signal, 'abort').length,
          ofProcess: listening() - before.listening,
        }));
      })();`;
    const ended = await runNode(script, { argv: [shared.id, session, String(count)] });
    assertEnded(ended, {});
    assert.equal(ended.stderr, '');
    const { descriptors, listeners, ofProcess } = JSON.parse(ended.stdout);
    assert.ok(descriptors <= 5, `${descriptors} descriptors more`);
    assert.equal(listeners, 0);
    assert.equal(ofProcess, 0);
  });
});

describe('loading', { timeout: SUITE_TIMEOUT }, () => {
  it('is quick', async () => {
    // The release build takes under 15 ms; this one may be a debug build on a busy machine.
    const script = `
      const { performance } = require('node:perf_hooks');
      const began = performance.now();
      require(process.argv[1]);
      console.log(performance.now() - began);`;
    const index = require.resolve('../index.js');
    const times = [];
    for (let n = 0; n < 5; n += 1) {
      const { stdout } = await runNode(script, { argv: [index], bare: true });
      times.push(Number(stdout));
    }
    assert.ok(Math.min(...times) < 150, `${times} ms`);
  });
});
