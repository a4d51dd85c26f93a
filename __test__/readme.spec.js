'use strict';

// README.md tells the truth: every TypeScript and JavaScript block runs word for word and prints what its
// comments say, under a strict compiler too; tables name what index.d.ts declares; links lead somewhere.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { tables } = require('../bench/report.js');
const { docker } = require('../index.js');
const { fill, tableOf } = require('../scripts/readme-bench.js');
const { ROOT, blocksOf, expectations, matches, programOf, readme } = require('./readme/blocks.js');
const { runExample } = require('./readme/run.js');
const { names, rows } = require('./readme/tables.js');
const { Declarations, complaints } = require('./readme/types.js');
const { SUITE_TIMEOUT } = require('./support/sandboxes.js');

const text = readme();
const blocks = blocksOf(text);

/** Whether pip in a sandbox gets an answer from its package index; one attempt, no retries. */
async function indexAnswers() {
  const sandbox = await docker().sandbox.create();
  try {
    const probe = 'python3 -m pip --retries 0 --timeout 5 download --no-deps --dest /tmp/probe pandas';
    return (await sandbox.runCommand(probe, { timeout: 60_000 })).exitCode === 0;
  } finally {
    await sandbox.destroy();
  }
}

/** What an example may need that a machine may lack, and how to find out. @type {Record<string, () => Promise<boolean>>} */
const NEEDS = { 'a Python package index': indexAnswers };

describe('README examples', { timeout: 2 * SUITE_TIMEOUT }, () => {
  // One of them downloads a folder to this machine.
  after(() => fs.rmSync('/tmp/computesdk-backup', { recursive: true, force: true }));

  for (const block of blocks) {
    it(block.name, async (test) => {
      if (block.needs) {
        const check = NEEDS[block.needs];
        assert.ok(check, `nobody knows how to find out about ${block.needs}`);
        if (!(await check())) return test.skip(`needs ${block.needs}, which no sandbox here can reach`);
      }
      const run = await runExample(['--input-type=module', '--eval', programOf(block)]);
      const shown = JSON.stringify(run, null, 2);
      assert.equal(run.exitCode, 0, shown);
      const expected = expectations(block);
      assert.ok(matches(run.stdout, expected.stdout), `expected ${expected.stdout}\n${shown}`);
      assert.ok(matches(run.stderr, expected.stderr), `expected ${expected.stderr}\n${shown}`);
      assert.deepEqual(run.left, [], 'it destroys the sandboxes that it made');
    });
  }

  it('are many, and most promise an output', () => {
    const promising = blocks.filter((block) => expectations(block).stdout !== '');
    assert.ok(
      blocks.length >= 15 && promising.length >= blocks.length - 2,
      `${promising.length}/${blocks.length}`,
    );
  });

  it('pass a strict compiler', () => {
    assert.deepEqual(complaints(blocks.filter(({ language }) => language === 'ts')), []);
  });
});

describe('README tables', { timeout: SUITE_TIMEOUT }, () => {
  /** @type {Declarations} */
  let declared;
  before(() => {
    declared = new Declarations();
  });

  /** The keys of an interface and those of the interfaces below it. @param {string} name @param {string} prefix */
  function keys(name, prefix = '') {
    const below = { image: 'ImageConfig', container: 'ContainerConfig', connection: 'DockerConnection' };
    const deeper = { ...below, resources: 'ContainerResources' };
    /** @type {string[]} */
    const found = declared.members(name).flatMap((key) => {
      const within = /** @type {Record<string, string>} */ (deeper)[key];
      return within ? [`${prefix}${key}`, ...keys(within, `${prefix}${key}.`)] : [`${prefix}${key}`];
    });
    return found;
  }

  /** @param {string} heading @returns {string[]} names in the first column */
  const firstColumn = (heading) => rows(text, heading).flatMap(([cell]) => names(cell));

  it('name every config key and no other', () => {
    assert.deepEqual(firstColumn('key').sort(), keys('DockerConfig').sort());
  });

  it('name every option of create', () => {
    assert.deepEqual(firstColumn('option').sort(), declared.members('CreateSandboxOptions').sort());
  });

  it('name every option of a run', () => {
    assert.deepEqual(firstColumn('option of a run').sort(), declared.members('RunOptions').sort());
  });

  it('name every field of a result', () => {
    assert.deepEqual(firstColumn('field of a result').sort(), declared.members('CodeResult').sort());
  });

  it('name every error code', () => {
    assert.deepEqual(firstColumn('code').sort(), declared.literals('DockerErrorCode').sort());
  });

  it('name every member of a sandbox and of what it holds', () => {
    const told = firstColumn('sandbox').map((name) => name.replace(/\(.*/, ''));
    /** @type {Record<string, string>} */
    const held = {
      filesystem: 'DockerFileSystem',
      processes: 'DockerProcesses',
      terminal: 'DockerTerminals',
    };
    const within = Object.entries(held).flatMap(([key, type]) =>
      declared.members(type).map((name) => `${key}.${name}`),
    );
    const own = declared.members('DockerSandbox').filter((name) => !Object.hasOwn(held, name));
    assert.deepEqual([...new Set(told)].sort(), [...own, ...within].sort());
  });

  it('name every member of a provider and every function', () => {
    const told = firstColumn('provider').map((name) => name.replace(/\(.*/, ''));
    const manager = declared.members('DockerSandboxManager').map((name) => `provider.sandbox.${name}`);
    const own = declared.members('DockerProvider').filter((name) => name !== 'sandbox');
    const functions = Object.entries(require('../index.js')).filter(([name]) => /^[a-z]/.test(name));
    const expected = [
      ...manager,
      ...own.map((name) => `provider.${name}`),
      ...functions.map(([name]) => name),
    ];
    assert.deepEqual(told.sort(), expected.sort());
  });

  it('show the measurements of bench/RESULTS.md', () => {
    assert.equal(fill(text, tableOf(path.join(ROOT, 'bench', 'RESULTS.md'))), text);
  });
});

describe('what checks the README', () => {
  it('notices a comment that is not what is printed', () => {
    const [block] = blocksOf('# Sum\n\n```ts\nconsole.log(1 + 1, url); // 2 http://…:…\n```\n');
    assert.ok(block);
    const { stdout } = expectations(block);
    assert.equal(matches('2   http://localhost:80\n', stdout), true);
    for (const wrong of ['3 http://localhost:80', '2', 'x 2 http://localhost:80', '']) {
      assert.equal(matches(wrong, stdout), false, wrong);
    }
  });

  it('takes the columns that matter out of a report, between the markers', (test) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'csdk-report-'));
    test.after(() => fs.rmSync(folder, { recursive: true }));
    const file = path.join(folder, 'RESULTS.md');
    const samples = { agent: [2], exec: [70], dockerode: [68], 'docker CLI': [90], native: [1] };
    const report = tables({ rows: [{ measure: 'true', unit: 'ms', samples }], targets: [] });
    fs.writeFileSync(file, `# Benchmark\n\nIntroduction.\n\n2 cores.\n\n${report}`);
    const filled = fill('a\n<!-- bench:start -->\nold\n<!-- bench:end -->\nb\n', tableOf(file));
    assert.match(filled, /^a\n<!-- bench:start -->\n## Performance\n[\s\S]*\n\n2 cores\.\n\n\|/);
    assert.match(filled, /\n\| true, ms \| 2 \| 70 \| 68 \| 34 × \|\n<!-- bench:end -->\nb\n$/);
    assert.equal(filled.includes('old'), false);
    assert.equal(tableOf(path.join(folder, 'missing.md')), '');
  });
});

describe('README links', () => {
  it('lead to files and headings that are there', () => {
    const slugs = [...text.matchAll(/^#+ (.+)$/gm)].map(
      ([, heading = '']) =>
        `#${heading
          .toLowerCase()
          .replace(/[^\w\- ]/g, '')
          .replaceAll(' ', '-')}`,
    );
    for (const [, target = ''] of text.matchAll(/\]\(([^)]+)\)/g)) {
      if (target.startsWith('https://')) continue;
      const there = target.startsWith('#') ? slugs.includes(target) : fs.existsSync(path.join(ROOT, target));
      assert.ok(there, target);
    }
  });
});
