'use strict';

// One call of each kind, each going on until something ends it: what takes long by itself, or a quick one again and again.

const fs = require('node:fs');
const path = require('node:path');

/** @typedef {import('../../../index').DockerProvider} DockerProvider */
/** @typedef {import('../../../index').DockerSandbox} DockerSandbox */

/**
 * @typedef {object} Under
 * @property {DockerProvider} provider
 * @property {DockerSandbox} sandbox
 * @property {AbortSignal} stop what makes them end that are still going on
 * @property {string} folder of this machine
 */

const LARGE = Buffer.alloc(20 * 1024 * 1024, 'x');
const FOREVER = 'echo up; while :; do sleep 1; done';

/**
 * Those whose end nobody but the container, the connection or `stop` brings about, each with its timeout off.
 * @type {Record<string, (under: Under) => Promise<unknown>>}
 */
const LASTING = {
  runCommand: ({ sandbox, stop }) => sandbox.runCommand(FOREVER, { signal: stop }),
  'runCommand that prints': ({ sandbox, stop }) =>
    sandbox.runCommand('while :; do echo line; sleep 0.01; done', {
      signal: stop,
      onStdout: () => undefined,
    }),
  'runCommand with stdin': ({ sandbox, stop }) =>
    sandbox.runCommand('exec sleep 600', { stdin: LARGE, signal: stop }),
  runCode: ({ sandbox, stop }) => sandbox.runCode('import time\ntime.sleep(600)', 'python', { signal: stop }),
  'runCode in a context': async ({ sandbox, stop }) => {
    const context = await sandbox.createCodeContext({ runtime: 'python' });
    return sandbox.runCode('import time\ntime.sleep(600)', { context, signal: stop });
  },
  spawn: async ({ sandbox, stop }) => (await sandbox.spawn(FOREVER, { signal: stop })).wait(),
  'spawn, line by line': async ({ sandbox, stop }) => {
    for await (const line of await sandbox.spawn('while :; do echo line; sleep 0.01; done', { signal: stop }))
      void line;
  },
  terminal: async ({ sandbox, stop }) => {
    const terminal = await sandbox.terminal.create({ onData: () => undefined, signal: stop });
    return terminal.wait();
  },
  'processes.wait': async ({ sandbox, stop }) => {
    const { pid = 0 } = await sandbox.runCommand('sleep 600', { background: true });
    stop.addEventListener('abort', () => sandbox.processes.kill(pid).catch(() => undefined), { once: true });
    return sandbox.processes.wait(pid);
  },
  'processes.logs': async ({ sandbox, stop }) => {
    const { pid = 0 } = await sandbox.runCommand('while :; do echo line; sleep 0.01; done', {
      background: true,
    });
    for await (const piece of sandbox.processes.logs(pid, { follow: true })) if (stop.aborted) return piece;
    return undefined;
  },
  'filesystem.watch': async ({ sandbox, stop }) =>
    (await sandbox.filesystem.watch('/tmp', { signal: stop }, () => undefined)).closed,
  createReadStream: ({ sandbox, stop }) =>
    new Promise((resolve, reject) => {
      const stream = sandbox.filesystem.createReadStream('/dev/zero', { signal: stop });
      stream.on('error', reject).on('close', resolve).resume();
    }),
  createWriteStream: ({ sandbox, stop }) =>
    new Promise((resolve, reject) => {
      const stream = sandbox.filesystem.createWriteStream('/dev/null', { signal: stop });
      const write = () => {
        while (!stream.destroyed && stream.write(Buffer.alloc(100_000)));
      };
      stream.on('error', reject).on('close', resolve).on('drain', write);
      write();
    }),
  'metrics, again and again': async ({ sandbox, stop }) => {
    for await (const { cpu } of sandbox.metrics({ interval: 100, signal: stop })) void cpu;
  },
};

/** Quick ones. @type {Record<string, (under: Under) => Promise<unknown>>} */
const SHORT = {
  'a short runCommand': ({ sandbox }) => sandbox.runCommand('true'),
  'a short runCode': ({ sandbox }) => sandbox.runCode('print(1)', 'python'),
  'a background command': async ({ sandbox }) => {
    const { pid = 0 } = await sandbox.runCommand('sleep 600', { background: true });
    await sandbox.processes.kill(pid);
  },
  readFile: ({ sandbox }) => sandbox.filesystem.readFile('/etc/passwd'),
  'readFile of a large file': ({ sandbox }) => sandbox.filesystem.readFile('/opt/large', { encoding: null }),
  writeFile: ({ sandbox }) => sandbox.filesystem.writeFile('file', 'text'),
  'writeFile of a large file': ({ sandbox }) => sandbox.filesystem.writeFile('large', LARGE),
  'mkdir, readdir, exists, stat, remove': async ({ sandbox: { filesystem } }) => {
    await filesystem.mkdir('folder/below');
    await filesystem.readdir('/etc');
    await filesystem.exists('/etc');
    await filesystem.stat('/etc/passwd');
    await filesystem.remove('folder');
  },
  'copy, rename, chmod': async ({ sandbox: { filesystem } }) => {
    await filesystem.copy('/etc/passwd', 'copied');
    await filesystem.rename('copied', 'renamed');
    await filesystem.chmod('renamed', 0o600);
  },
  upload: ({ sandbox, folder }) => sandbox.filesystem.upload(folder, 'uploaded'),
  download: ({ sandbox, folder }) =>
    sandbox.filesystem.download('/etc', path.join(folder, '..', 'downloaded')),
  'processes.list': ({ sandbox }) => sandbox.processes.list(),
  waitForPort: ({ sandbox }) =>
    sandbox.processes.waitForPort(9, { timeout: 200 }).catch((error) => {
      if (error.code !== 'ERR_PORT_CLOSED') throw error;
    }),
};

/** Quick ones that need no running container. @type {Record<string, (under: Under) => Promise<unknown>>} */
const WITHOUT_CONTAINER = {
  getInfo: ({ sandbox }) => sandbox.getInfo(),
  snapshot: async ({ provider, sandbox }) => {
    const { id } = await provider.snapshot.create(sandbox.sandboxId);
    await provider.snapshot.delete(id);
  },
  getById: async ({ provider, sandbox }) => provider.sandbox.getById(sandbox.sandboxId),
  list: ({ provider }) => provider.sandbox.list(),
};

/** Makes and ends sandboxes of its own. @type {Record<string, (under: Under) => Promise<unknown>>} */
const CREATING = {
  'create and destroy': async ({ provider }) => {
    const sandbox = await provider.sandbox.create();
    await sandbox.destroy();
  },
};

/** Repeats a call until it fails or is stopped. @param {(under: Under) => Promise<unknown>} call @param {Under} under */
async function repeated(call, under) {
  do {
    await call(under);
    await new Promise((resolve) => setImmediate(resolve));
  } while (!under.stop.aborted);
}

/** Starts one call of each kind on a sandbox. @param {Under} under */
function startAll(under) {
  const lasting = Object.entries(LASTING).map(([name, call]) => begun(name, call(under)));
  return [...lasting, ...startRepeated(SHORT, under)];
}

/** @param {Record<string, (under: Under) => Promise<unknown>>} calls @param {Under} under */
function startRepeated(calls, under) {
  return Object.entries(calls).map(([name, call]) => begun(name, repeated(call, under)));
}

/** What fails before anybody looks counts as unhandled otherwise. @param {string} name @param {Promise<unknown>} promise @returns {[string, Promise<unknown>]} */
function begun(name, promise) {
  promise.catch(() => undefined);
  return [name, promise];
}

/** Files that the calls need. @param {Omit<Under, 'stop' | 'provider'>} under */
async function prepare({ sandbox, folder }) {
  fs.mkdirSync(folder, { recursive: true });
  for (let n = 0; n < 20; n += 1) fs.writeFileSync(path.join(folder, `file-${n}`), 'x'.repeat(1000 * n));
  await sandbox.runCommand('head -c 20000000 /dev/zero > /opt/large');
}

module.exports = { CREATING, WITHOUT_CONTAINER, prepare, startAll, startRepeated };
