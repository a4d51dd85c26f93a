'use strict';

// Building templates and starting from them, on images that the engine has.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, describe, it } = require('node:test');
const { docker } = require('../index.js');
const { inspect, witness } = require('./support/docker.js');
const { NODE, PYTHON } = require('./support/images.js');
const { runNode } = require('./support/node.js');
const { SUITE_TIMEOUT, useSandboxes } = require('./support/sandboxes.js');
const { rejection, until } = require('./support/wait.js');

/** @typedef {import('../index').CreateTemplateOptions} CreateTemplateOptions */
/** @typedef {import('../index').DockerConfig} DockerConfig */

describe('template', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();
  const provider = docker();
  /** @type {Set<string>} */
  const made = new Set();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'csdk-context-'));
  after(async () => {
    fs.rmSync(folder, { recursive: true });
    for (const id of made)
      await witness
        .getImage(id)
        .remove({ force: true })
        .catch(() => undefined);
  });
  const unique = (/** @type {string} */ word) => `${word}-${process.pid}`;

  /** @param {CreateTemplateOptions} options @param {DockerConfig} [config] */
  function build(options, config) {
    made.add(`computesdk-template:${options.name}`);
    return docker(config).template.create(options);
  }

  it('is built from an image and commands, with its output live, and sandboxes start from it', async () => {
    /** @type {string[]} */
    const heard = [];
    const name = unique('setup');
    const template = await build({
      name,
      description: 'for a test',
      image: NODE,
      runtime: 'node',
      setup: ['echo "it\'s $((6 * 7))" > /made', 'echo said; echo wrong >&2'],
      metadata: { team: 'a' },
      onOutput: (text) => heard.push(text),
    });
    const output = heard.join('');
    assert.match(output, /Step 1\/\d+ : FROM node:20-alpine\n/);
    assert.match(output, /\nsaid\n/);
    assert.match(output, /\nwrong\n/);
    assert.ok(heard.length > 3);
    for (const templateId of [template.id, name]) {
      const sandbox = await sandboxes.create({}, { templateId });
      assert.equal(await sandbox.filesystem.readFile('/made'), "it's 42\n");
      assert.equal((await sandbox.getInfo()).runtime, 'node');
      assert.equal((await sandbox.runCommand('pwd')).stdout, '/workspace\n');
      await sandbox.destroy();
    }
    const { createdAt, size, ...rest } = template;
    assert.deepEqual(rest, {
      id: `computesdk-template:${name}`,
      name,
      description: 'for a test',
      provider: 'docker',
      runtime: 'node',
      metadata: { team: 'a' },
    });
    assert.ok(createdAt instanceof Date && size > 1_000_000);
    assert.deepEqual(
      (await provider.template.list()).find((it) => it.name === name),
      template,
    );
  });

  it('is built from a Dockerfile and a folder, without what .dockerignore names', async () => {
    const files = {
      'app/main.py': 'print("main")',
      'app/cache/x': 'left out',
      'app/debug.log': 'left out',
      'app/keep.log': 'kept',
      'secret.env': 'left out',
      '.dockerignore': '# comment\n**/cache\n**/*.log\n!app/keep.log\n*.env\n',
    };
    for (const [name, text] of Object.entries(files)) {
      fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      fs.writeFileSync(path.join(folder, name), text);
    }
    fs.chmodSync(path.join(folder, 'app/main.py'), 0o750);
    fs.symlinkSync('main.py', path.join(folder, 'app/link.py'));
    fs.writeFileSync(
      path.join(folder, 'build.dockerfile'),
      `FROM ${PYTHON}\nWORKDIR /srv\nENV MODE=built\nCOPY . .\n`,
    );
    const name = unique('folder');
    await build({ name, context: folder, dockerfile: 'build.dockerfile', setup: ['id -u > who'] });
    const sandbox = await sandboxes.create({}, { templateId: name });
    const { stdout } = await sandbox.runCommand(
      'pwd; echo $MODE; find . ! -type d | sort; stat -c "%a %u" app/main.py',
    );
    assert.equal(
      stdout,
      '/srv\nbuilt\n./app/keep.log\n./app/link.py\n./app/main.py\n./build.dockerfile\n./who\n750 0\n',
    );
    assert.equal((await inspect(sandbox.sandboxId)).Config.WorkingDir, '/srv');
  });

  it('takes files as they are, bytes too, and the Dockerfile among them', async () => {
    const name = unique('files');
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
    const context = {
      Dockerfile: `FROM ${PYTHON}\nCOPY data /data\n`,
      'data/all.bin': bytes,
      'data/ü ß.txt': 'text',
    };
    await build({ name, context });
    const sandbox = await sandboxes.create({}, { templateId: name });
    const { filesystem } = sandbox;
    assert.deepEqual([...(await filesystem.readFile('/data/all.bin', { encoding: null }))], [...bytes]);
    assert.equal(await filesystem.readFile('/data/ü ß.txt'), 'text');
  });

  it('is built on the provider’s own image where nothing else is said', async () => {
    const name = unique('plain');
    await build({ name, setup: ['touch /made'] }, { image: { name: PYTHON, pullPolicy: 'never' } });
    const { Config } = await witness.getImage(`computesdk-template:${name}`).inspect();
    assert.deepEqual(Config.Cmd, (await witness.getImage(PYTHON).inspect()).Config.Cmd);
  });

  it('names the step that failed, shows what it said, and leaves nothing', async () => {
    const name = unique('fails');
    const error = await rejection(
      build({ name, image: PYTHON, setup: ['echo fine', 'echo the reason >&2; exit 3', 'echo never'] }),
    );
    assert.equal(error.code, 'ERR_TEMPLATE_BUILD');
    assert.match(error.message, /at step 3\/\d+ \(setup\[1\]\), echo the reason >&2; exit 3: /);
    assert.match(error.message, /code: 3\n {2}the reason$/);
    assert.ok(!(await provider.template.list()).some((it) => it.name === name));
    const all = await witness.listContainers({ all: true });
    assert.ok(!all.some((it) => it.Command.includes('the reason')));
    const wrong = await rejection(build({ name, dockerfile: `FROM ${PYTHON}\nCOPY missing /\n` }));
    assert.match(wrong.message, /at step 2\/\d+, COPY missing \/: /);
    const bad = await rejection(build({ name, dockerfile: 'NOT A\nDOCKERFILE' }));
    assert.equal(bad.code, 'ERR_TEMPLATE_BUILD');
    assert.match(bad.message, /unknown instruction: NOT/i);
  });

  it('ends with an abort, and with what a callback throws', async () => {
    const name = unique('aborted');
    const abort = new AbortController();
    const seconds = String(1000 + (process.pid % 1000));
    const options = { name, image: PYTHON, setup: [`echo going; sleep ${seconds}`], signal: abort.signal };
    const error = await rejection(
      build({
        ...options,
        onOutput: (text) => text.includes('going\n') && !text.includes('Step') && abort.abort(),
      }),
    );
    assert.equal(error.name, 'AbortError');
    const oops = new Error('oops');
    const thrown = rejection(
      build({
        name,
        image: PYTHON,
        setup: [`echo a; sleep ${seconds}`],
        onOutput: () => {
          throw oops;
        },
      }),
    );
    assert.equal(await thrown, oops);
    const building = async () =>
      (await witness.listContainers({ all: true })).filter((it) => it.Command.includes(`sleep ${seconds}`));
    await until(async () => (await building()).length === 0, 'the aborted steps are gone');
  });

  it('replaces the one that had its name, unless sandboxes use that', async () => {
    const name = unique('again');
    const options = { name, image: PYTHON };
    await build({ ...options, setup: ['echo 1 > /v'] });
    const first = await witness.getImage(`computesdk-template:${name}`).inspect();
    await build({ ...options, setup: ['echo 2 > /v'] });
    await assert.rejects(witness.getImage(first.Id).inspect(), { statusCode: 404 });
    const sandbox = await sandboxes.create({}, { templateId: name });
    assert.equal(await sandbox.filesystem.readFile('/v'), '2\n');
    const used = await rejection(provider.template.delete(name));
    assert.equal(used.code, 'ERR_TEMPLATE_IN_USE');
    assert.ok(used.message.includes(sandbox.sandboxId));
    await sandbox.destroy();
    await provider.template.delete(name);
    assert.equal((await rejection(provider.template.delete(name))).code, 'ERR_TEMPLATE_NOT_FOUND');
  });

  it('may start from a snapshot', async () => {
    const name = unique('onsnap');
    const sandbox = await sandboxes.create({}, { metadata: { secret: 'a' } });
    await sandbox.filesystem.writeFile('/kept', 'kept');
    const saved = await provider.snapshot.create(sandbox.sandboxId, { name: 'base', metadata: { a: 1 } });
    made.add(saved.id);
    const template = await build({ name, image: saved.id });
    assert.deepEqual([template.metadata, template.runtime], [{}, 'python']);
    assert.ok(!(await provider.snapshot.list()).some(({ id }) => id === template.id));
    const copy = await sandboxes.create({}, { templateId: name });
    assert.equal(await copy.filesystem.readFile('/kept'), 'kept');
    assert.equal((await copy.getInfo()).metadata.secret, undefined);
  });

  it('writes what the builder says to stderr with streamLogs', async () => {
    const name = unique('logged');
    made.add(`computesdk-template:${name}`);
    const script = `
      const options = { name: process.argv.at(-1), image: '${PYTHON}', setup: ['echo logged it'] };
      sdk.docker({ streamLogs: true }).template.create(options).then(({ id }) => console.log(id));`;
    const { stdout, stderr } = await runNode(script, { argv: [name] });
    assert.equal(stdout, `computesdk-template:${name}\n`);
    assert.ok(stderr.includes(`[build ${name}] logged it\n`), stderr);
  });
});
