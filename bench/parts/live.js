'use strict';

// What stays open: the way of a byte from a process to its reader, code in an interpreter that is there already, a
// key's echo in a terminal. Only this package has these.

const { atMost, compare, median } = require('../measure');

const LINES = 10;
const PROCESSES = 20;
/** Each line is the time of its writing, by the clock that Node's `hrtime` reads, too. */
const CLOCK = `
import time
for _ in range(${LINES}):
    print(time.monotonic_ns(), flush=True)
    time.sleep(0.01)
`;

/** @type {import('../types').Part} */
async function live({ boxes, host }) {
  const ours = Object.entries(boxes).flatMap(([name, { sandbox }]) =>
    sandbox ? [/** @type {const} */ ([name, sandbox])] : [],
  );
  const rows = [await contextRow(ours)];
  const targets = [];
  // The clocks of two machines do not agree so well.
  if (host.startsWith('unix://')) {
    const { first, later } = await outputRows(ours);
    rows.unshift(first, later);
    targets.push(atMost("spawn's first byte, ms from its writing", median(first.samples.agent), 3));
  }
  const agent = boxes.agent?.sandbox;
  if (agent) rows.push(await echoRow(agent));
  return { rows, targets };
}

/** @typedef {import('../..').DockerSandbox} Sandbox */

/** @param {(readonly [string, Sandbox])[]} ours */
async function outputRows(ours) {
  const row = (/** @type {string} */ which) => ({
    measure: `spawn: ${which}, from the process writing it to its reader`,
    unit: 'ms',
    samples: /** @type {Record<string, number[]>} */ ({}),
  });
  const [first, later] = [row('the first line'), row('later lines')];
  for (let round = 0; round < PROCESSES; round += 1) {
    for (const [name, sandbox] of ours) {
      const [one = Number.NaN, ...others] = await delays(sandbox);
      first.samples[name] = [...(first.samples[name] ?? []), one];
      later.samples[name] = [...(later.samples[name] ?? []), ...others];
    }
  }
  return { first, later };
}

/** How long each line of a process was on its way, in ms. @param {Sandbox} sandbox */
async function delays(sandbox) {
  const child = await sandbox.spawn('python3', ['-c', CLOCK]);
  /** @type {number[]} */
  const found = [];
  for await (const chunk of child.stdout) {
    const now = process.hrtime.bigint();
    for (const line of String(chunk).trim().split('\n')) found.push(Number(now - BigInt(line)) / 1e6);
  }
  await child.wait();
  return found;
}

/** @param {(readonly [string, Sandbox])[]} ours */
async function contextRow(ours) {
  /** @type {Record<string, (code: string) => Promise<unknown>>} */
  const subjects = {};
  const contexts = [];
  for (const [name, sandbox] of ours) {
    const context = await sandbox.createCodeContext({ runtime: 'python' });
    contexts.push(context);
    subjects[name] = (code) => sandbox.runCode(code, { context });
  }
  const measure = 'runCode("print(1)") in a code context';
  const row = await compare(measure, subjects, (run) => run('print(1)'), { blocks: 5, perBlock: 10 });
  for (const context of contexts) await context.remove();
  return row;
}

/** @param {Sandbox} sandbox */
async function echoRow(sandbox) {
  /** @type {(data: string) => void} */
  let seen = () => undefined;
  // cat reads nothing before the end of a line: what comes back is the terminal's echo.
  const terminal = await sandbox.terminal.create({ shell: 'cat', onData: (data) => seen(data) });
  const key = async () => {
    const echo = new Promise((resolve) => {
      seen = resolve;
    });
    await terminal.write('x');
    await echo;
  };
  const measure = "a key's echo in a terminal, there and back";
  const row = await compare(measure, { agent: key }, (press) => press(), { blocks: 5, perBlock: 40 });
  await terminal.kill();
  return row;
}

module.exports = { live };
