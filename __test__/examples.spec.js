'use strict';

// Each program of examples/ does what it says, and leaves nothing behind.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, it } = require('node:test');
const { ROOT } = require('./readme/blocks.js');
const { runExample } = require('./readme/run.js');
const { SUITE_TIMEOUT } = require('./support/sandboxes.js');

/** @type {Record<string, Array<string | RegExp>>} */
const LINES = {
  'data-science.mjs': ['cities: 2', 'Oslo: 5.5', 'Rome: 18'],
  'interactive-loop.cjs': [
    '$ echo boot > /tmp/state',
    '$ cat /tmp/state',
    'boot',
    '$ echo ready >> /tmp/state',
    '$ cat /tmp/missing',
    'failed with exit code 1',
    '$ wc -l < /tmp/state',
    '2',
  ],
  'served-page.mjs': [/^process \d+ serves at http:\/\/localhost:\d+$/, '<h1>Hello from a sandbox</h1>'],
  'live-output.mjs': [
    'live: step one',
    'live: step two',
    'live: step three',
    'live, stderr: a warning',
    'exit code 0',
  ],
  'files.cjs': [
    'Grüße',
    'same bytes: true',
    'file $(reboot); it.txt, 0 bytes',
    'file data.bin, 4 bytes',
    'file hello.txt, 8 bytes',
    'still there: false',
    'ENOENT from open',
  ],
};

describe('examples', { timeout: SUITE_TIMEOUT }, () => {
  for (const [name, expected] of Object.entries(LINES)) {
    it(name, async () => {
      const run = await runExample([path.join('examples', name)]);
      const shown = JSON.stringify(run, null, 2);
      assert.equal(run.exitCode, 0, shown);
      assert.equal(run.stderr, '', shown);
      const printed = run.stdout.trimEnd().split('\n');
      assert.equal(printed.length, expected.length, shown);
      for (const [at, line] of expected.entries()) {
        if (typeof line === 'string') assert.equal(printed[at], line, shown);
        else assert.match(printed[at] ?? '', line, shown);
      }
      assert.equal(run.made.length, 1);
      assert.deepEqual(run.left, []);
    });
  }

  it('are all tested', () => {
    const entries = fs.readdirSync(path.join(ROOT, 'examples'), { withFileTypes: true });
    // A folder is an app with a test of its own: `npm run test:nextjs`.
    const programs = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    assert.deepEqual(programs.sort(), Object.keys(LINES).sort());
  });
});
