'use strict';

// What an attacker would put where a name, a path, an id or an option is expected, in every call that takes one: it stays
// a name, or is refused by name; nothing of it is executed, and no request reaches another object than the one named.
// Arguments and paths of commands and files are in run-command.spec.js and filesystem*.spec.js, foreign containers in
// lifecycle.spec.js, archives that climb in filesystem-transfer.spec.js, the walls of `strict` in strict.spec.js.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { docker } = require('../index.js');
const { exec, inspect } = require('./support/docker.js');
const { startProxy } = require('./support/proxy.js');
const { SUITE_TIMEOUT, eachSession, shareSandbox, useSandboxes } = require('./support/sandboxes.js');
const { rejection, rejections, within } = require('./support/wait.js');
const { TRACE, WORDS } = require('./support/words.js');

/** Ids that climb, ask for something else, or are none. */
const IDS = [
  '../images/x',
  'a/../../volumes/prune',
  'a/b',
  'a?force=1&v=1',
  'a#b',
  '%2e%2e%2fimages',
  'a b',
  'a\r\nX-Evil: 1',
  'a\n',
  'a\0b',
  '-rf',
  '*',
  '..',
  '$(id)',
  'x'.repeat(10_000),
  '日本語',
];

/** Text where a program would look for a shell, a path or a header. */
const HOSTILE = WORDS.filter((word) => word.includes(TRACE)).concat(
  '../../../no/such',
  '-rf',
  '--help',
  'a\nb',
  'x'.repeat(5000),
);

/** @param {any} error @param {RegExp} code @param {string} what */
function assertRefused(error, code, what) {
  assert.equal(error.name, 'DockerProviderError', `${what}: ${error.stack}`);
  assert.match(error.code, code, `${what}: ${error.message}`);
}

/** @param {string} text */
const short = (text) => JSON.stringify(text.slice(0, 40));

/** @param {string} id */
async function assertNoTrace(id) {
  assert.equal((await exec(id, ['ls', TRACE])).stdout, '');
  assert.equal(fs.existsSync(TRACE), false);
}

describe('an id', { timeout: SUITE_TIMEOUT }, () => {
  /** @type {Awaited<ReturnType<typeof startProxy>>} */
  let proxy;
  /** @type {import('../index').DockerProvider} */
  let provider;
  before(async () => {
    proxy = await startProxy();
    provider = docker({ connection: { socketPath: proxy.socketPath } });
    await provider.sandbox.list();
  });
  after(() => proxy.close());

  /** Each call with an id, and what it answers; `null` stands for no error. @type {Record<string, [(id: string) => Promise<any>, RegExp | null]>} */
  const calls = {
    'sandbox.getById': [(id) => provider.sandbox.getById(id), null],
    'sandbox.destroy': [(id) => provider.sandbox.destroy(id), null],
    'snapshot.create': [(id) => provider.snapshot.create(id), /^ERR_SANDBOX_NOT_FOUND$/],
    'snapshot.delete': [(id) => provider.snapshot.delete(id), /^ERR_SNAPSHOT_NOT_FOUND$/],
    'template.delete': [(id) => provider.template.delete(id), /^ERR_(TEMPLATE_NOT_FOUND|DOCKER_API)$/],
  };
  for (const [name, [call, code]] of Object.entries(calls)) {
    it(`of ${name} reaches no other object`, async () => {
      for (const id of IDS) {
        if (code) assertRefused(await rejection(call(id)), code, `${name} ${short(id)}`);
        else assert.equal((await call(id)) ?? null, null);
      }
    });
  }

  it('of a container or an image of getInstance() reaches no other object', async () => {
    const sandbox = await provider.sandbox.create({ runtime: 'python' });
    try {
      const client = sandbox.getInstance().docker;
      for (const id of IDS) {
        assertRefused(await rejection(client.getContainer(id).inspect()), /^ERR_DOCKER_API$/, short(id));
        assertRefused(
          await rejection(client.getContainer(id).remove({ force: true })),
          /^ERR_DOCKER_API$/,
          short(id),
        );
        assertRefused(await rejection(client.getImage(id).remove()), /^ERR_DOCKER_API$/, short(id));
      }
    } finally {
      await sandbox.destroy();
    }
  });

  it('never changes the path of a request', () => {
    const known = /^\/(_ping|version|images|containers|volumes|exec|info|commit)(\/|\?|$)/;
    for (const { method, url } of proxy.requests) {
      const asked = url.replace(/^\/v[\d.]+/, '');
      assert.match(asked, known, `${method} ${url}`);
      assert.doesNotMatch(
        decodeURIComponent(asked.split('?')[0] ?? ''),
        /\/\.\.(\/|$)|[\s#\0]|prune/,
        `${method} ${url}`,
      );
    }
    assert.deepEqual(
      proxy.requests.filter(({ headers }) => 'x-evil' in headers),
      [],
    );
  });
});

describe('what create is given', { timeout: SUITE_TIMEOUT }, () => {
  const provider = docker({ image: { pullPolicy: 'never' } });
  const sandboxes = useSandboxes();

  /** @type {Array<[string, string[], RegExp]>} */
  const refused = [
    ['image', IDS, /^ERR_(IMAGE_NOT_FOUND|INVALID_CONFIG|DOCKER_API)$/],
    ['templateId', IDS, /^ERR_(IMAGE_NOT_FOUND|TEMPLATE_NOT_FOUND|INVALID_CONFIG|DOCKER_API)$/],
    ['snapshotId', IDS, /^ERR_(IMAGE_NOT_FOUND|SNAPSHOT_NOT_FOUND|INVALID_CONFIG|DOCKER_API)$/],
    // A name of any length is one.
    ['name', IDS.filter((id) => id.length < 10_000), /^ERR_(INVALID_CONFIG|DOCKER_API)$/],
    ['runtime', [...HOSTILE, '__proto__', 'constructor', ''], /^ERR_(UNSUPPORTED_RUNTIME|INVALID_CONFIG)$/],
  ];
  for (const [key, values, code] of refused) {
    it(`is refused where ${key} is hostile`, async () => {
      for (const value of values) {
        const error = await rejection(provider.sandbox.create(/** @type {any} */ ({ [key]: value })));
        assertRefused(error, code, `${key} ${short(value)}`);
      }
    });
  }

  it('is refused where a variable has no name that one can have', async () => {
    for (const name of ['A=B', '=', '', 'A\0B']) {
      const error = await rejection(provider.sandbox.create({ envs: { [name]: 'x' } }));
      assertRefused(error, /^ERR_INVALID_CONFIG$/, short(name));
    }
    assertRefused(
      await rejection(provider.sandbox.create({ envs: { A: 'x\0y' } })),
      /^ERR_INVALID_CONFIG$/,
      'NUL',
    );
  });

  it('stays data: variables and metadata come back as they were', async () => {
    const words = Object.fromEntries(WORDS.map((word, n) => [`W${n}`, word]));
    const metadata = { ...words, 'a=b': 'c', 'a.b/c d': [1, { e: null }], '': 'no name', __proto__x: true };
    const sandbox = sandboxes.track(await provider.sandbox.create({ envs: words, metadata }));
    const found = await provider.sandbox.getById(sandbox.sandboxId);
    const info = /** @type {any} */ (await found?.getInfo());
    for (const [key, value] of Object.entries(metadata)) assert.deepEqual(info.metadata[key], value, key);
    const script = 'import os, json; print(json.dumps({k: v for k, v in os.environ.items() if k[0] == "W"}))';
    assert.deepEqual(JSON.parse((await sandbox.runCode(script, 'python')).stdout), words);
    await assertNoTrace(sandbox.sandboxId);
  });

  it('fakes no label of ours by its metadata', async () => {
    const keys = [
      'sandbox',
      'runtime',
      'timeout',
      'version',
      'pool',
      'request',
      'saved',
      'no-agent',
      'lifetime.max',
      'agent',
    ];
    const forged = {
      ...Object.fromEntries(keys.map((key) => [key, 'forged'])),
      '../sandbox': 'no',
      'com.computesdk.sandbox': 'no',
    };
    const sandbox = sandboxes.track(await provider.sandbox.create({ metadata: forged, timeout: 1234 }));
    const { Labels } = (await inspect(sandbox.sandboxId)).Config;
    for (const [label, value] of Object.entries(Labels)) {
      assert.ok(value !== 'forged' || label.startsWith('com.computesdk.meta.'), `${label}: ${value}`);
    }
    assert.equal(Labels['com.computesdk.sandbox'], 'true');
    const info = await (await provider.sandbox.getById(sandbox.sandboxId))?.getInfo();
    assert.deepEqual([info?.runtime, info?.timeout, info?.expiresAt], ['python', 1234, undefined]);
    assert.ok((await provider.sandbox.list()).some(({ sandboxId }) => sandboxId === sandbox.sandboxId));
  });
});

describe('what a snapshot or a template is given', { timeout: SUITE_TIMEOUT }, () => {
  const { snapshot, template } = docker();
  const shared = shareSandbox();

  it('stays data in names and metadata', async () => {
    const metadata = { sandbox: 'forged', 'saved.from': 'forged', [`$(touch ${TRACE})`]: '`id`' };
    for (const name of [`$(touch ${TRACE})`, '../../x', 'a\nb', '"quoted" \\', '日本語']) {
      const made = await snapshot.create(shared.id, { name, metadata });
      try {
        const [found] = await snapshot.list({ sandboxId: shared.id });
        assert.deepEqual([found?.name, found?.metadata, found?.sandboxId], [name, metadata, shared.id]);
      } finally {
        await snapshot.delete(made.id);
      }
    }
    await assertNoTrace(shared.id);
  });

  it('is refused where it could leave its place', async () => {
    for (const name of [...IDS.filter((id) => id !== '-rf'), '', '.a', 'a:b', '@']) {
      const error = await rejection(template.create({ name, setup: ['true'] }));
      assertRefused(error, /^ERR_INVALID_CONFIG$/, short(name));
    }
    for (const file of ['../x', '/etc/passwd', 'a/../../x', 'a\0b', '', '.', '..']) {
      const error = await rejection(
        template.create({ name: 'x', dockerfile: 'FROM scratch\n', context: { [file]: 'x' } }),
      );
      assertRefused(error, /^ERR_INVALID_CONFIG$/, short(file));
    }
    // A name that is one would be pulled.
    for (const image of IDS.filter((id) => id !== 'a/b')) {
      const error = await rejection(template.create({ name: 'x', image, setup: ['true'] }));
      assertRefused(error, /^ERR_(INVALID_CONFIG|IMAGE_NOT_FOUND|DOCKER_API)$/, short(image));
    }
  });

  it('sends no file from outside of a context, whatever links are there', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'csdk-context-'));
    try {
      fs.symlinkSync('/etc/passwd', path.join(folder, 'link'));
      fs.symlinkSync('/etc', path.join(folder, 'folder'));
      fs.writeFileSync(
        path.join(folder, 'Dockerfile'),
        'FROM python:3.11-slim\nCOPY . /copied\nRUN cat /copied/folder/hostname || true\n',
      );
      const built = await template.create({ name: `links-${process.pid}`, context: folder });
      try {
        const sandbox = await docker().sandbox.create({ templateId: built.id });
        const { stdout } = await sandbox.runCommand('readlink /copied/link /copied/folder');
        await sandbox.destroy();
        assert.equal(stdout, '/etc/passwd\n/etc\n');
      } finally {
        await template.delete(built.id);
      }
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });
});

eachSession('options of what runs', (session) => {
  const shared = shareSandbox({ session });
  const limited = { timeout: 20_000 };

  it('are refused or stay data: users', async () => {
    for (const user of [...HOSTILE, '', '-1', '4294967296', 'root\0x', 'no-such-user', ':', ':0']) {
      const error = await rejection(
        within(shared.sandbox.runCommand('id', { user, ...limited }), short(user)),
      );
      assertRefused(
        error,
        /^ERR_(INVALID_CONFIG|CANNOT_RUN|AGENT_UNAVAILABLE|DOCKER_API)$/,
        `user ${short(user)}`,
      );
    }
    await assertNoTrace(shared.id);
  });

  it('are refused or stay data: variables', async () => {
    const { sandbox } = shared;
    for (const name of ['A=B', '=', '', 'A\0B']) {
      const env = { [name]: 'x' };
      for (const call of [
        () => sandbox.runCommand('env', { env }),
        () => sandbox.runCode('print(1)', 'python', { env }),
        () => sandbox.spawn('env', [], { env }),
        () => sandbox.createCodeContext({ runtime: 'python', env }),
        () => sandbox.runCommand('env', { env, background: true }),
      ]) {
        assertRefused(await rejection(call()), /^ERR_INVALID_CONFIG$/, `env ${short(name)}`);
      }
    }
    // Names that bash or a loader would act on are the caller's to give, and nothing more than names here.
    const env = {
      'BASH_FUNC_ls%%': `() { touch ${TRACE}; }`,
      [`$(touch ${TRACE})`]: 'x',
      'a;b c': `'; touch ${TRACE}`,
    };
    assert.equal((await sandbox.runCommand('ls -d /', { env })).stdout, '/\n');
    assert.equal((await sandbox.runCode('print(1)', 'python', { env })).stdout, '1\n');
    await assertNoTrace(shared.id);
  });

  it('are refused or stay data: folders', async () => {
    const { sandbox } = shared;
    const folders = [
      ...HOSTILE.slice(session === 'exec' ? -6 : 0),
      '/proc/self/fd/0',
      '/proc/self/fd/1',
      '/proc/self/fd/7',
      '/dev/null',
      'a\0b',
      '/no/such',
    ];
    for (const cwd of folders) {
      for (const call of [
        () => sandbox.runCommand('pwd', { cwd, ...limited }),
        () => sandbox.spawn('pwd', ['-P'], { cwd }),
        () => sandbox.createCodeContext({ runtime: 'python', cwd }),
      ]) {
        const error = await rejection(within(call(), `cwd ${short(cwd)}`));
        assertRefused(
          error,
          /^(ENOENT|ENOTDIR|ENAMETOOLONG|EACCES|ERR_INVALID_CONFIG|ERR_CANNOT_RUN)$/,
          `cwd ${short(cwd)}`,
        );
      }
    }
    await assertNoTrace(shared.id);
  });

  it('lead nowhere outside of the container by a descriptor in cwd', async () => {
    const { sandbox } = shared;
    const script = 'for n in $(seq 0 40); do ln -sfn /proc/self/fd/$n /tmp/fd-$n; done';
    await sandbox.runCommand(script);
    const { stdout: root } = await sandbox.runCommand('stat -c %d:%i /');
    for (let n = 0; n < 12; n += 1) {
      for (const cwd of [`/proc/self/fd/${n}`, `/tmp/fd-${n}`, `/proc/1/fd/${n}`]) {
        // Up from wherever that is: never further than the container's own root.
        const up = await sandbox
          .runCommand('cd ../../../../../../..; stat -c %d:%i .', { cwd, ...limited })
          .catch(() => undefined);
        assert.ok(up?.exitCode !== 0 || up.stdout === root, `${cwd}: ${up?.stdout}`);
      }
    }
  });

  it('are refused: numbers, signals, ports and schemes that are none', async () => {
    const { sandbox } = /** @type {any} */ (shared);
    for (const pid of [-1, 0, 1.5, Number.NaN, 2 ** 40, '1', '1; id', null, {}]) {
      for (const call of ['kill', 'wait', 'logs', 'connect']) {
        const made = async () => sandbox.processes[call](pid);
        assertRefused(
          await rejection(made()),
          /^ERR_(INVALID_CONFIG|AGENT_UNAVAILABLE)$/,
          `${call} ${String(pid)}`,
        );
      }
    }
    assertRefused(await rejection(sandbox.processes.kill(1)), /^EPERM$/, 'the first process');
    for (const signal of ['SIGFOO', '-9', '9; id', 0, 65, -1, 'kill', {}]) {
      const error = await rejection(sandbox.processes.kill(4_000_000, signal));
      assertRefused(error, /^ERR_INVALID_CONFIG$/, `signal ${String(signal)}`);
    }
    for (const options of [
      { port: 80, protocol: 'javascript:alert(1)//' },
      { port: 80, protocol: 'http://evil.example/' },
      { port: 80, protocol: '' },
      { port: '80@evil.example' },
      { port: -1 },
      { port: 70_000 },
      { port: 1.5 },
    ]) {
      assertRefused(
        await rejection(sandbox.getUrl(options)),
        /^ERR_INVALID_CONFIG$/,
        JSON.stringify(options),
      );
    }
  });
});

describe('a terminal', { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({ session: 'agent' });

  it('starts no shell but the one that is named', async () => {
    for (const shell of [...HOSTILE, '', 'sh -c id', '/etc/passwd', '/tmp', 'a\0b']) {
      const error = await rejection(within(shared.sandbox.terminal.create({ shell }), short(shell)));
      assertRefused(
        error,
        /^(ENOENT|EACCES|ENAMETOOLONG|EISDIR|ENOTDIR|ERR_CANNOT_RUN|ERR_INVALID_CONFIG)$/,
        `shell ${short(shell)}`,
      );
    }
    await assertNoTrace(shared.id);
  });
});

eachSession('files that are none', (session) => {
  const sandboxes = useSandboxes();
  const shared = shareSandbox({ session });

  it('hold up no call but their own, which ends with the sandbox', async () => {
    const sandbox = await sandboxes.create({ session });
    await sandbox.runCommand('mkfifo /tmp/fifo /tmp/other');
    const waiting = [
      sandbox.filesystem.readFile('/tmp/fifo'),
      sandbox.filesystem.writeFile('/tmp/other', 'x'),
    ];
    const errors = rejections(waiting);
    assert.equal((await sandbox.runCommand('echo next')).stdout, 'next\n');
    assert.match(await sandbox.filesystem.readFile('/etc/passwd'), /^root:/);
    await sandbox.destroy();
    for (const { code } of await within(errors, 'what waited')) {
      assert.match(code, /^ERR_(SESSION_LOST|SANDBOX_NOT_FOUND|SANDBOX_STOPPED)$/);
    }
  });

  it('are removed, renamed and told of without being opened', async () => {
    const { sandbox } = shared;
    const { filesystem } = sandbox;
    await sandbox.runCommand(
      'mkdir /tmp/odd && cd /tmp/odd && mkfifo fifo && ln -s loop loop && ln -s /etc/passwd out',
    );
    assert.equal((await filesystem.stat('/tmp/odd/fifo')).type, 'other');
    assert.equal((await rejection(filesystem.readFile('/tmp/odd/loop'))).code, 'ELOOP');
    assert.equal((await rejection(filesystem.writeFile('/tmp/odd/loop', 'x'))).code, 'ELOOP');
    await filesystem.rename('/tmp/odd/fifo', '/tmp/odd/moved');
    await filesystem.remove('/tmp/odd');
    assert.equal(await filesystem.exists('/tmp/odd'), false);
    assert.equal(await filesystem.exists('/etc/passwd'), true);
  });
});

describe("a link to the agent's own descriptors", { timeout: SUITE_TIMEOUT }, () => {
  const shared = shareSandbox({ session: 'agent' });

  it('lets nobody forge answers, or steal what the host says, by a file call', async () => {
    const { sandbox } = shared;
    const { filesystem } = sandbox;
    await sandbox.runCommand('for n in $(seq 0 15); do ln -sfn /proc/self/fd/$n /tmp/own-$n; done');
    const names = Array.from({ length: 16 }, (_, n) => [`/proc/self/fd/${n}`, `/tmp/own-${n}`]);
    // A frame's header and whatever follows would do.
    for (const content of [Buffer.alloc(4000), Buffer.alloc(4000, 0xff)]) {
      for (const name of names.flat()) {
        const end = filesystem
          .writeFile(name, content)
          .catch(({ code }) => assert.match(code, /^E[A-Z]+$/, name));
        await within(end, `writeFile ${name}`);
      }
      assert.equal((await sandbox.runCommand('echo intact')).stdout, 'intact\n');
    }
    for (const name of names.slice(0, 2).flat()) {
      const calls = [() => filesystem.readFile(name), () => filesystem.writeFile(name, 'x')];
      for (const call of calls) {
        assert.equal((await within(rejection(call()), name)).code, 'EACCES', name);
      }
    }
    assert.equal((await sandbox.runCommand('echo intact')).stdout, 'intact\n');
  });
});
