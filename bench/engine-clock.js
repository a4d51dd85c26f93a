'use strict';

// A way to the engine that notes when the engine is at work: from a request's first byte to its answer's. What a
// client needs beyond that is its own time.

const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

/** @typedef {{ from: bigint, to: bigint }} Span nanoseconds of process.hrtime, which all processes share */

/**
 * @param {string} socketPath the engine's
 * @returns {Promise<{ host: string, ownTime: (span: Span) => number, close: () => void }>}
 *   `host` for DOCKER_HOST; `ownTime`: milliseconds of the span in which the engine had nothing to do
 */
async function engineClock(socketPath) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-'));
  const file = path.join(folder, 'docker.sock');
  /** @type {Span[]} */
  const busy = [];
  const server = net.createServer((client) => relay(client, net.connect(socketPath), busy));
  await new Promise((resolve) => server.listen(file, () => resolve(undefined)));
  return {
    host: `unix://${file}`,
    ownTime: (span) => Number(span.to - span.from - covered(busy, span)) / 1e6,
    close: () => {
      server.close();
      fs.rmSync(folder, { recursive: true });
    },
  };
}

/** @param {net.Socket} client @param {net.Socket} engine @param {Span[]} busy */
function relay(client, engine, busy) {
  /** @type {bigint | undefined} */
  let since;
  client.on('data', () => (since ??= process.hrtime.bigint()));
  engine.on('data', () => {
    if (since !== undefined) busy.push({ from: since, to: process.hrtime.bigint() });
    since = undefined;
  });
  client.pipe(engine).pipe(client);
  client.on('error', () => engine.destroy());
  engine.on('error', () => client.destroy());
}

/** How much of the span the others cover. @param {Span[]} spans @param {Span} span */
function covered(spans, { from, to }) {
  let [sum, reached] = [0n, from];
  for (const one of [...spans].sort((a, b) => ascending(a.from, b.from))) {
    if (one.to <= reached || one.from >= to) continue;
    if (one.from > reached) reached = one.from;
    const end = [one.to, to].sort(ascending)[0] ?? to;
    sum += end - reached;
    reached = end;
  }
  return sum;
}

/** @param {bigint} one @param {bigint} other */
const ascending = (one, other) => Number(one - other);

module.exports = { engineClock };
