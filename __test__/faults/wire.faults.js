'use strict';

// Answers of the engine that break off after any number of bytes, and answers that are wrong: each call ends soon, what
// it answers is whole or a clear error, the next call works and nothing is left.

const { stage, skip, outcome, nothingLeft, descriptors, descriptorsFrom } = require('./support/stage.js');

const engine = stage('wire');

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');
const { docker } = require('../../index.js');
const { containersWith, remove, witness } = require('../support/docker.js');
const { answer, faultProxy } = require('./support/proxy.js');
const { SCENARIOS, TEXT } = require('./support/scenarios.js');

/** @typedef {import('./support/proxy.js').Fault} Fault */
/** @typedef {import('./support/scenarios.js').Scenario} Scenario */

const complaint = (/** @type {number} */ status) => answer(status, `{"message":"said ${status}"}`);

/** @type {Array<[string, Fault]>} */
const REFUSALS = [404, 409, 500].map((status) => [`status ${status}`, { answer: complaint(status) }]);

/** @type {Array<[string, Fault]>} */
const GARBAGE = [
  ['bytes that are no HTTP', { answer: Buffer.from(Array.from({ length: 300 }, (_, n) => (n * 7) % 256)) }],
  ['a head that never ends', { answer: `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(500_000)}` }],
  ['a web page', { answer: answer(200, '<html>Welcome</html>', 'text/html') }],
  ['half of a JSON', { answer: answer(200, '{"Id":"abc') }],
  ['another JSON', { answer: answer(200, '[7,null,{}]') }],
  ['null', { answer: answer(200, 'null') }],
  ['types that are wrong', { answer: answer(200, '{"Id":7,"State":[],"Config":"x","Labels":3}') }],
  ['an id that climbs', { answer: answer(201, '{"Id":"../../images/prune?x=","Warnings":[]}') }],
  ['nothing', { answer: answer(200, '') }],
  ['less than it promised', { answer: 'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{}' }],
];

/** For calls that take long. */
const FEW = [...REFUSALS.slice(-1), ...GARBAGE.filter(([told]) => /no HTTP|half|climbs/.test(told))];

/** Places to cut an answer of so many bytes at, spread over all of it. @param {number} length @param {number} count @returns {Array<[string, Fault]>} */
function cuts(length, count) {
  const places = new Set([0, 1, length - 1]);
  for (let n = 1; n < count; n += 1) places.add(Math.floor((length * n) / count));
  const resets = [...places].filter((at) => at >= 0 && at < length).sort((a, b) => a - b);
  return [
    ...resets.map(
      (at) => /** @type {[string, Fault]} */ ([`a reset after ${at} of ${length} bytes`, { cutAfter: at }]),
    ),
    ...[0, Math.floor(length / 2)].map(
      (at) =>
        /** @type {[string, Fault]} */ ([
          `an end after ${at} of ${length} bytes`,
          { cutAfter: at, politely: true },
        ]),
    ),
  ];
}

for (const session of /** @type {const} */ (['agent', 'exec'])) {
  describe(`a connection that breaks (${session})`, { skip, timeout: 500_000 }, () => {
    const direct = docker({ session });
    /** @type {Awaited<ReturnType<typeof faultProxy>>} */
    let proxy;
    /** @type {string} */
    let shared;
    /** @type {number} */
    let open;

    before(async () => {
      proxy = await faultProxy(engine.host);
      const sandbox = await direct.sandbox.create();
      shared = sandbox.sandboxId;
      await sandbox.filesystem.writeFile('/tmp/text', TEXT);
      open = descriptors();
    });
    after(async () => {
      await proxy?.close();
      await direct.sandbox.destroy(shared);
    });

    /** @param {Scenario} scenario */
    async function place(scenario) {
      const provider = docker({ session, connection: proxy.connection });
      const id = scenario.ownSandbox ? (await direct.sandbox.create()).sandboxId : shared;
      return { provider, id };
    }

    /** Runs it with a fault in the answer to its request number `at`. @param {Scenario} scenario @param {number} at @param {[string, Fault]} fault */
    async function broken(scenario, at, [told, fault]) {
      const where = await place(scenario);
      proxy.begin();
      let asked = '';
      proxy.rule = (request, index) => {
        if (index !== at) return undefined;
        asked = `${request.method} ${request.path}`;
        return fault;
      };
      const what = `${scenario.name} (${session}), ${told} to request ${at}`;
      const call = scenario.call(where);
      call.catch(() => undefined);
      // What such a status says of a removal: somebody else is at it.
      if (scenario.ownSandbox && told.endsWith('409')) await direct.sandbox.destroy(where.id);
      const end = await outcome(call, what);
      proxy.rule = () => undefined;
      const isCut = fault.cutAfter !== undefined;
      if ('value' in end && isCut) scenario.whole?.(end.value);
      if ('value' in end) await scenario.undo?.(end.value);
      if (scenario.ownSandbox) await direct.sandbox.destroy(where.id);
      // A fault in the middle of `pause`.
      if (scenario.name.startsWith('pause')) await (await direct.sandbox.getById(shared))?.resume();
      return { ...end, what: `${what} (${asked.slice(0, 100)})` };
    }

    for (const scenario of SCENARIOS) {
      it(scenario.name, async () => {
        const first = await place(scenario);
        proxy.begin();
        proxy.rule = () => undefined;
        const value = await scenario.call(first);
        const sent = [...proxy.seen];
        scenario.whole?.(value);
        await scenario.undo?.(value);
        assert.ok(sent.length > 0);
        let count = 0;
        for (const [at, { answered }] of sent.entries()) {
          const wrong = scenario.slow ? FEW : [...REFUSALS, ...GARBAGE];
          for (const fault of [...cuts(answered, scenario.cuts), ...wrong]) {
            const { what } = await broken(scenario, at, fault);
            count += 1;
            // What an engine that lies says is gone may be there.
            const lied = GARBAGE.includes(fault);
            if (lied) await removeOthers(shared);
            else if (scenario.name === 'create') await nothingLeft(what, [shared]);
          }
        }
        const { stdout } = await /** @type {any} */ (await direct.sandbox.getById(shared)).runCommand(
          `printf '${TEXT}'`,
        );
        assert.equal(stdout, TEXT);
        await nothingLeft(scenario.name, [shared]);
        console.log(`      ${scenario.name}: ${sent.length} requests, ${count} faults`);
      });
    }

    it('leaves no descriptor', async () => {
      await proxy.close();
      await descriptorsFrom(open);
    });
  });
}

/** @param {string} kept */
async function removeOthers(kept) {
  for (const { Id } of await containersWith('com.computesdk.sandbox=true')) if (Id !== kept) await remove(Id);
  for (const { Id } of await containersWith('com.computesdk.agent=true')) await remove(Id);
  const images = await witness.listImages({ filters: { label: ['com.computesdk.saved'] } });
  for (const { Id } of images) await witness.getImage(Id).remove({ force: true });
}
