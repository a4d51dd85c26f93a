'use strict';

// The README's table "How it differs from the package it replaces": a test for each row, named like its subject.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { promisify } = require('node:util');
const { docker } = require('../index.js');
const { ROOT, readme } = require('./readme/blocks.js');
const { rows } = require('./readme/tables.js');
const { exists, inspect, processesWith, witness } = require('./support/docker.js');
const { NODE, PYTHON } = require('./support/images.js');
const { startProxy } = require('./support/proxy.js');
const { SUITE_TIMEOUT, shareSandbox, useSandboxes } = require('./support/sandboxes.js');
const { rejection, rejections, until, within } = require('./support/wait.js');

const MIB = 1024 * 1024;
/** An image whose name tells no runtime: without a tag, fully qualified, and by its id. */
const PLAIN = 'computesdk-test/plain';
const QUALIFIED = 'localhost:5000/computesdk-test/plain:1';

/** @type {string[]} */
const shown = [];

/** @param {string} subject a row of the table @param {() => Promise<void>} test */
function difference(subject, test) {
  shown.push(subject);
  it(subject, test);
}

/** Runs a program that uses the package in a process of its own. @param {string} code */
function inFreshProcess(code) {
  return promisify(execFile)(process.execPath, ['--eval', code], { cwd: ROOT });
}

describe('differences: sandboxes', { timeout: SUITE_TIMEOUT }, () => {
  const sandboxes = useSandboxes();

  before(async () => {
    await witness.getImage(PYTHON).tag({ repo: PLAIN, tag: 'latest' });
    await witness.getImage(PYTHON).tag({ repo: QUALIFIED.replace(/:1$/, ''), tag: '1' });
  });
  after(async () => {
    for (const name of [PLAIN, QUALIFIED]) await witness.getImage(name).remove();
  });

  /** The image that a sandbox really runs. @param {string} name */
  async function imageOf(name) {
    const sandbox = await sandboxes.create({ image: { name, pullPolicy: 'never' } });
    const { Config, Image } = await inspect(sandbox.sandboxId);
    return { name: Config.Image, id: Image };
  }

  difference('API version', async () => {
    const proxy = await startProxy();
    try {
      const { ApiVersion } = await witness.version();
      const sandbox = await sandboxes.create({ connection: { socketPath: proxy.socketPath } });
      assert.equal((await sandbox.runCommand('echo works')).stdout, 'works\n');
      const spoken = proxy.requests.map(({ url }) => /^\/v(\d+\.\d+)\//.exec(url)?.[1]).filter(Boolean);
      assert.ok(spoken.length > 0);
      const minor = (/** @type {string | undefined} */ version) => Number(version?.split('.')[1]);
      for (const version of spoken)
        assert.ok(minor(version) <= minor(ApiVersion), `${version}, ${ApiVersion}`);
    } finally {
      await proxy.close();
    }
  });

  difference('Default runtime', async () => {
    const sandbox = await sandboxes.create({ runtime: 'python' });
    assert.equal((await sandbox.getInfo()).runtime, 'python');
    assert.equal((await sandbox.runCode('print(len("four"))')).stdout, '4\n');
  });

  difference('Image names without python or node', async () => {
    assert.equal((await imageOf(`${PLAIN}:latest`)).name, `${PLAIN}:latest`);
  });

  difference('Image references', async () => {
    const { Id } = await witness.getImage(PYTHON).inspect();
    for (const name of [PLAIN, QUALIFIED, Id]) assert.equal((await imageOf(name)).id, Id, name);
  });

  difference('User and limits', async () => {
    const resources = { memory: 96 * MIB, memorySwap: 128 * MIB, nanoCPUs: 5e8, pidsLimit: 64 };
    const sandbox = await sandboxes.create({ container: { user: '1000:1000', resources } });
    const { HostConfig } = await inspect(sandbox.sandboxId);
    assert.equal(HostConfig.Memory, 96 * MIB);
    assert.equal(HostConfig.MemorySwap, 128 * MIB);
    assert.equal(HostConfig.NanoCpus, 5e8);
    assert.equal(HostConfig.PidsLimit, 64);
    assert.equal((await sandbox.runCommand('id -u')).stdout, '1000\n');
  });

  difference('Timeout', async () => {
    const sandbox = await sandboxes.create({ timeout: 300 });
    const result = await within(sandbox.runCommand('sleep 1234'), 'a command past its timeout');
    assert.equal(result.exitCode, 124);
    assert.equal(result.timedOut, true);
    assert.deepEqual(await processesWith(sandbox.sandboxId, 'sleep 1234'), []);
  });

  difference('Cleanup modes', async () => {
    const [always, onSuccess, never] = await Promise.all([
      sandboxes.create({ cleanup: 'always' }),
      sandboxes.create({ cleanup: 'onSuccess' }),
      sandboxes.create({ cleanup: 'never' }),
    ]);
    assert.equal((await onSuccess.runCommand('exit 3')).exitCode, 3);
    await Promise.all([always.destroy(), onSuccess.destroy(), never.destroy()]);
    assert.equal(await exists(always.sandboxId), false);
    assert.equal((await inspect(onSuccess.sandboxId)).State.Running, false);
    assert.equal((await inspect(never.sandboxId)).State.Running, false);
  });

  difference('streamLogs', async () => {
    const { sandboxId } = await sandboxes.create();
    const { stderr } = await inFreshProcess(`
      const { docker } = require('@computesdk/docker');
      docker({ streamLogs: true }).sandbox.getById('${sandboxId}').then((it) => it.runCommand('echo told'));
    `);
    const line = stderr.split('\n').find((it) => it.includes('told'));
    assert.ok(line?.includes(sandboxId.slice(0, 12)), stderr);
  });

  difference('startOptions', async () => {
    const proxy = await startProxy();
    try {
      const connection = { socketPath: proxy.socketPath };
      const sandbox = await sandboxes.create({ connection, startOptions: { detachKeys: 'ctrl-q' } });
      const [start] = proxy.sent(new RegExp(`^POST /containers/${sandbox.sandboxId}/start`));
      assert.match(start?.url ?? '', /[?&]detachKeys=ctrl-q/);
    } finally {
      await proxy.close();
    }
  });

  difference('Environment at create', async () => {
    const config = { container: { env: { KEPT: 'kept', BOTH: 'config' } } };
    const sandbox = await sandboxes.create(config, { envs: { BOTH: 'create', NEW: 'new' } });
    assert.equal((await sandbox.runCommand('echo "$KEPT $BOTH $NEW"')).stdout, 'kept create new\n');
  });

  difference('Destroy', async () => {
    const sandbox = await sandboxes.create({ createOptions: { Volumes: { '/data': {} } } });
    const { Mounts } = await inspect(sandbox.sandboxId);
    const volume = Mounts.find((/** @type {any} */ mount) => mount.Destination === '/data').Name;
    await witness.getVolume(volume).inspect();
    const began = Date.now();
    await sandbox.destroy();
    const took = Date.now() - began;
    assert.equal(await exists(sandbox.sandboxId), false);
    assert.equal((await rejection(witness.getVolume(volume).inspect())).statusCode, 404);
    assert.ok(took < 4000, `${took} ms`);
  });

  difference('Lost connection', async () => {
    const proxy = await startProxy();
    try {
      const sandbox = await sandboxes.create({ connection: { socketPath: proxy.socketPath } });
      const lost = rejection(sandbox.runCommand('sleep 2345'));
      await until(async () => (await processesWith(sandbox.sandboxId, 'sleep 2345')).length > 0, 'it runs');
      proxy.cut();
      assert.equal((await within(lost, 'a command without a connection')).code, 'ERR_SESSION_LOST');
      assert.equal((await sandbox.runCommand('echo again')).stdout, 'again\n');
    } finally {
      await proxy.close();
    }
  });

  difference('Engine down', async () => {
    const { sandbox } = docker({ connection: { socketPath: '/nonexistent/docker.sock' } });
    const id = 'a'.repeat(64);
    for (const error of await rejections([sandbox.list(), sandbox.getById(id), sandbox.destroy(id)])) {
      assert.equal(error.code, 'ERR_DOCKER_UNREACHABLE');
    }
  });
});

describe('differences: in a sandbox', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({ image: { name: PYTHON } });
  const node = shareSandbox({ runtime: 'node', image: { name: NODE } });

  difference('Options of a command', async () => {
    /** @type {string[]} */
    const live = [];
    const result = await shared.sandbox.runCommand('pwd; echo "$WORD" >&2', {
      cwd: '/usr',
      env: { WORD: 'given' },
      onStdout: (text) => live.push(`out ${text}`),
      onStderr: (text) => live.push(`err ${text}`),
    });
    assert.deepEqual([result.stdout, result.stderr], ['/usr\n', 'given\n']);
    assert.deepEqual(live.sort(), ['err given\n', 'out /usr\n']);
  });

  difference('Arguments of a command', async () => {
    const said = await shared.sandbox.runCommand('sh', ['-lc', 'echo Hello from command']);
    assert.equal(said.stdout, 'Hello from command\n');
    const word = "; touch /tmp/argument-ran; $(touch /tmp/argument-ran) 'it'";
    assert.equal((await shared.sandbox.runCommand('echo', [word])).stdout, `${word}\n`);
    assert.equal(await shared.sandbox.filesystem.exists('/tmp/argument-ran'), false);
  });

  difference('Paths as shell', async () => {
    const { filesystem } = shared.sandbox;
    const name = '$(touch path-ran)`touch path-ran`; touch path-ran';
    await filesystem.writeFile(`paths/${name}`, 'data');
    assert.equal(await filesystem.readFile(`paths/${name}`), 'data');
    assert.deepEqual(
      (await filesystem.readdir('paths')).map((entry) => entry.name),
      [name],
    );
    assert.equal(await filesystem.exists(`paths/${name}`), true);
    await filesystem.mkdir(`paths/folder ${name}`);
    await filesystem.remove(`paths/${name}`);
    const ran = await shared.sandbox.runCommand("find / -xdev -name '*path-ran' -not -name '*touch*'");
    assert.equal(ran.stdout, '');
  });

  difference('Large files', async () => {
    const content = Buffer.alloc(20 * MIB, 'every byte counts ');
    await shared.sandbox.filesystem.writeFile('large.bin', content);
    const back = await shared.sandbox.filesystem.readFile('large.bin', { encoding: null });
    assert.ok(content.equals(back));
  });

  difference('Large code', async () => {
    const text = 'x'.repeat(MIB);
    const python = await shared.sandbox.runCode(`text = "${text}"\nprint(len(text))`, 'python');
    assert.equal(python.stdout, `${MIB}\n`);
    const script = await node.sandbox.runCode(`const text = "${text}";\nconsole.log(text.length);`, 'node');
    assert.equal(script.stdout, `${MIB}\n`);
  });

  difference('Multi-byte characters', async () => {
    const code = `
import sys, time
for byte in "ü日🎉".encode():
    sys.stdout.buffer.write(bytes([byte])); sys.stdout.buffer.flush(); time.sleep(0.02)
print(); print("日本語🎉" * 100000)`;
    let live = '';
    const onStdout = (/** @type {string} */ text) => {
      live += text;
    };
    const { stdout } = await shared.sandbox.runCode(code, 'python', { onStdout });
    const expected = `ü日🎉\n${'日本語🎉'.repeat(100000)}\n`;
    assert.ok(stdout === expected && live === expected);
  });

  difference('Background processes', async () => {
    const started = await shared.sandbox.runCommand('exec sleep 3456', { background: true });
    assert.equal(started.isBackground, true);
    const found = await until(async () => {
      const all = await processesWith(shared.id, 'sleep 3456');
      return all.find(({ command }) => command === 'sleep 3456');
    }, 'the process runs');
    assert.equal(found?.pid, started.pid);
    await inFreshProcess(`
      const { docker } = require('@computesdk/docker');
      docker().sandbox.getById('${shared.id}')
        .then((it) => it.runCommand('exec sleep 4567', { background: true }));
    `);
    assert.equal((await processesWith(shared.id, 'sleep 4567')).length, 1);
  });

  difference('Directory listings', async () => {
    const make = `mkdir listed && cd listed && touch -d '2001-02-03 04:05:06 UTC' 'two  spaces' &&
      ln -s 'two  spaces' link && mkfifo pipe && mkdir folder`;
    assert.equal((await shared.sandbox.runCommand(make)).stderr, '');
    const entries = await shared.sandbox.filesystem.readdir('listed');
    assert.deepEqual(
      entries.map(({ name, type }) => [name, type]),
      [
        ['folder', 'directory'],
        ['link', 'file'],
        ['pipe', 'file'],
        ['two  spaces', 'file'],
      ],
    );
    assert.equal(entries[3]?.lastModified.toISOString(), '2001-02-03T04:05:06.000Z');
    const devices = await shared.sandbox.filesystem.readdir('/dev');
    assert.ok(devices.some(({ name, type }) => name === 'null' && type === 'file'));
  });

  difference('Run-time errors', async () => {
    const script = await node.sandbox.runCode('JSON.parse("{oops")', 'node');
    assert.equal(script.exitCode, 1);
    assert.match(script.stderr, /SyntaxError/);
    const python = await shared.sandbox.runCode('raise ValueError("invalid syntax in the data")', 'python');
    assert.equal(python.exitCode, 1);
    assert.match(python.stderr, /ValueError: invalid syntax/);
  });

  difference('Syntax errors', async () => {
    const script = await rejection(node.sandbox.runCode('const = 1', 'node'));
    assert.equal(script.message, "Syntax error: SyntaxError: Unexpected token '='");
    const python = await rejection(shared.sandbox.runCode('def f():\nreturn 1', 'python'));
    assert.match(python.message, /^Syntax error: IndentationError: expected an indented block/);
  });
});

describe('differences: the package', { timeout: SUITE_TIMEOUT }, () => {
  difference('Loading', async () => {
    const code = `
      const before = new Set(Object.keys(require.cache));
      require('@computesdk/docker');
      console.log(JSON.stringify(Object.keys(require.cache).filter((file) => !before.has(file))));
    `;
    const { stdout } = await inFreshProcess(code);
    const own = JSON.parse(stdout).map((/** @type {string} */ file) => path.relative(ROOT, file));
    assert.deepEqual(
      own.filter(
        (/** @type {string} */ file) => !/^(?:index\.js|lib\/[\w/-]+\.js|[\w.-]+\.node)$/.test(file),
      ),
      [],
    );
    const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
    assert.equal(manifest.dependencies, undefined);
  });

  it('are what the README says they are', () => {
    assert.deepEqual(
      shown.toSorted(),
      rows(readme(), 'subject')
        .map(([subject]) => subject)
        .sort(),
    );
  });
});
