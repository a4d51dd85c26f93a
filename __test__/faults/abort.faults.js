'use strict';

// An abort at every request that `create` and the runs send, as the request goes out and as its answer comes; and of a
// pull that takes for ever.

const { descriptors, descriptorsFrom, nothingLeft, skip, stage } = require('./support/stage.js');

const engine = stage('abort');

const assert = require('node:assert/strict');
const { getEventListeners } = require('node:events');
const { after, before, describe, it } = require('node:test');
const { docker } = require('../../index.js');
const { processesWith } = require('../support/docker.js');
const { sleep, until, within } = require('../support/wait.js');
const { faultProxy } = require('./support/proxy.js');

/** @typedef {import('../../index').DockerProvider} DockerProvider */
/** Moments after a request has gone out, milliseconds. */
const MOMENTS = [0, 2, 20];

for (const session of /** @type {const} */ (['agent', 'exec'])) {
  describe(`an abort at every request (${session})`, { skip, timeout: 300_000 }, () => {
    const direct = docker({ session });
    /** @type {Awaited<ReturnType<typeof faultProxy>>} */
    let proxy;
    /** @type {string} */
    let shared;
    /** @type {number} */
    let open;

    before(async () => {
      proxy = await faultProxy(engine.host);
      shared = (await direct.sandbox.create()).sandboxId;
      open = descriptors();
    });
    after(async () => {
      await proxy?.close();
      await direct.sandbox.destroy(shared);
    });

    const provider = () => docker({ session, connection: proxy.connection });

    /**
     * @param {string} name
     * @param {(provider: DockerProvider, signal: AbortSignal) => Promise<any>} call
     * @param {(value: any) => Promise<unknown>} undo where the abort came too late
     */
    function everywhere(name, call, undo) {
      it(name, async () => {
        proxy.begin();
        await undo(await call(provider(), new AbortController().signal));
        const requests = proxy.seen.length;
        let aborted = 0;
        for (let at = 0; at < requests; at += 1) {
          for (const moment of MOMENTS) aborted += await abortAt(at, moment);
        }
        assert.ok(aborted >= requests, `${aborted} aborts in ${requests} requests`);
        await nothingLeft(name, [shared]);
        const left = async () => (await processesWith(shared, 'sleep 321')).length === 0;
        await until(left, 'no process is left');
        console.log(
          `      ${name}: ${requests} requests, ${aborted} of ${requests * MOMENTS.length} calls aborted`,
        );
      });

      /** @param {number} at @param {number} moment @returns {Promise<number>} 1 where it was aborted */
      async function abortAt(at, moment) {
        const aborter = new AbortController();
        proxy.begin();
        proxy.rule = (_request, index) => {
          if (index === at) setTimeout(() => aborter.abort(), moment);
          return undefined;
        };
        const settled = call(provider(), aborter.signal).then(
          (value) => ({ value }),
          (error) => ({ error }),
        );
        const end = /** @type {any} */ (await within(settled, `${name}, ${moment} ms after request ${at}`));
        proxy.rule = () => undefined;
        assert.deepEqual(getEventListeners(aborter.signal, 'abort'), []);
        if (!end.error) return undo(end.value).then(() => 0);
        assert.equal(end.error.name, 'AbortError', end.error.stack);
        return 1;
      }
    }

    everywhere(
      'create',
      (from, signal) => from.sandbox.create({ signal }),
      (sandbox) => sandbox.destroy(),
    );

    everywhere(
      'runCommand',
      async (from, signal) =>
        (await found(from)).runCommand('sleep 0.2; [ -e /none ] || sleep 0.2', { signal }),
      async () => undefined,
    );

    everywhere(
      'runCode',
      async (from, signal) =>
        (await found(from)).runCode('import time; time.sleep(0.3)', 'python', { signal }),
      async () => undefined,
    );

    everywhere(
      'spawn',
      async (from, signal) => (await (await found(from)).spawn('sleep 0.3', { signal })).wait(),
      async () => undefined,
    );

    /** @param {DockerProvider} from */
    async function found(from) {
      return /** @type {import('../../index').DockerSandbox} */ (await from.sandbox.getById(shared));
    }

    it('takes the processes of what was aborted', async () => {
      for (const moment of [0, 20, 100, 300]) {
        const aborter = new AbortController();
        const running = (await found(provider())).runCommand('sleep 321 & sleep 321', {
          signal: aborter.signal,
        });
        setTimeout(() => aborter.abort(), moment);
        await assert.rejects(within(running, 'the command'), { name: 'AbortError' });
      }
      await until(async () => (await processesWith(shared, 'sleep 321')).length === 0, 'no process is left');
    });

    it('leaves no descriptor', async () => {
      await proxy.close();
      await descriptorsFrom(open);
    });
  });
}

describe('a pull that takes for ever', { skip, timeout: 60_000 }, () => {
  it('ends with its abort, and so does its request', async () => {
    const proxy = await faultProxy(engine.host);
    try {
      const begun = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
      const progress =
        '{"status":"Downloading","id":"1f7ce2fa46ab","progressDetail":{"current":1,"total":9}}\r\n';
      proxy.rule = ({ path }) =>
        path.startsWith('/images/create')
          ? { answer: `${begun}${progress.length.toString(16)}\r\n${progress}\r\n`, stays: true }
          : undefined;
      const aborter = new AbortController();
      /** @type {string[]} */
      const told = [];
      const onPullProgress = (/** @type {{ status: string }} */ { status }) => told.push(status);
      const provider = docker({
        image: { name: 'python:none', onPullProgress },
        connection: proxy.connection,
      });
      const creating = assert.rejects(provider.sandbox.create({ signal: aborter.signal }), {
        name: 'AbortError',
      });
      await until(() => told.length > 0, 'the pull is under way');
      await sleep(300);
      const before = proxy.connections;
      aborter.abort();
      await within(creating, 'the create', 5000);
      await until(() => proxy.connections < before, 'the engine is told to stop');
      assert.deepEqual(told, ['Downloading']);
      assert.deepEqual(getEventListeners(aborter.signal, 'abort'), []);
      await nothingLeft('a pull');
    } finally {
      await proxy.close();
    }
  });
});
