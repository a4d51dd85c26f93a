'use strict';

// Numbers that look random and come again with their seed, so that a failure can be repeated: FAULTS_SEED=<printed seed>.

const seed = Number(process.env.FAULTS_SEED ?? Date.now() % 1_000_000_007);

/** mulberry32 @param {number} state @returns {() => number} from 0 to 1 */
function generator(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

module.exports = { generator, seed };
