'use strict';

// What running Python code costs beside starting python3 inside the same container by hand.

const { atMost, compare, median } = require('../measure');

const NATIVE = `
import subprocess, time
for _ in range(10):
    began = time.perf_counter()
    subprocess.run(['python3', '-c', 'print(1)'], stdout=subprocess.PIPE)
    print((time.perf_counter() - began) * 1000)
`;

/** @type {import('../types').Part} */
async function code({ boxes }) {
  const row = await compare('runCode("print(1)")', boxes, (box) => box.code('print(1)'), {
    blocks: 5,
    perBlock: 6,
  });
  const { agent } = boxes;
  if (!agent) return { rows: [row], targets: [] };
  /** @type {number[]} */
  const native = [];
  /** @type {number[]} */
  const ours = [];
  for (let block = 0; block < 5; block += 1) {
    native.push(...(await agent.code(NATIVE)).trim().split('\n').map(Number));
    const { samples } = await compare('', { agent }, (box) => box.code('print(1)'), {
      blocks: 1,
      perBlock: 10,
    });
    ours.push(...(samples.agent ?? []));
  }
  const beside = {
    measure: 'print(1), beside python3 started in the container',
    unit: 'ms',
    samples: { native, agent: ours },
  };
  const target = atMost('runCode("print(1)"), ms over a native python3', median(ours) - median(native), 3);
  return { rows: [row, beside], targets: [target] };
}

module.exports = { code };
