'use strict';

// npm run test:soak: ten thousand commands over twenty sandboxes, ended in every way that a command can end, then
// nothing has grown on either side and nothing is left. Takes a minute or more; an argument sets another number.

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const { getEventListeners } = require('node:events');
const fs = require('node:fs');
const { withEngine } = require('../scripts/engine');
const { list, until } = require('../scripts/engine/process');
const { ensureImages } = require('../scripts/images');
const { PYTHON } = require('./support/images.js');

const MIB = 1024 * 1024;
const SANDBOXES = 20;
const COMMANDS = Number(process.argv[2] ?? 10_000);
/** In each sandbox, before the first look: caches, pools and allocators fill. */
const WARM_UP = 100;
/** Connections that may idle in the engine's pool. */
const POOL = 8;

/** @typedef {import('../index').DockerSandbox} DockerSandbox */
/** @typedef {{ pid: number, command: string, resident: number, descriptors: number }} Agent */

/** Every command's: a listener that is not taken off stays on it. */
const shared = new AbortController();

/**
 * What the n-th command is; most are plain.
 * @type {Array<(sandbox: DockerSandbox, n: number) => Promise<unknown>>}
 */
const KINDS = [
  async (sandbox) => {
    const late = await sandbox.runCommand('sleep 60 & sleep 60', { timeout: 40, signal: shared.signal });
    assert.equal(late.exitCode, 124);
  },
  async (sandbox) => {
    const aborter = new AbortController();
    const running = sandbox.runCommand('echo; sleep 60', {
      signal: aborter.signal,
      onStdout: () => aborter.abort(),
    });
    await assert.rejects(running, { name: 'AbortError' });
    assert.equal(getEventListeners(aborter.signal, 'abort').length, 0);
  },
  async (sandbox) => {
    assert.ok((await sandbox.runCommand('true', { background: true })).pid);
  },
  async (sandbox, n) => {
    await sandbox.filesystem.writeFile('/tmp/soak/file', `${n}`);
    assert.equal((await sandbox.runCommand('cat /tmp/soak/file')).stdout, `${n}`);
    assert.equal(await sandbox.filesystem.readFile('/tmp/soak/file'), `${n}`);
    await assert.rejects(sandbox.filesystem.readFile('/tmp/soak/none'), { code: 'ENOENT' });
  },
  async (sandbox) => {
    let bytes = 0;
    const onStdout = (/** @type {string} */ text) => {
      bytes += text.length;
    };
    await sandbox.runCommand('head -c 1048576 /dev/zero', { onStdout, maxOutputBytes: 1024 });
    assert.equal(bytes, MIB);
  },
  async (sandbox) => {
    assert.equal((await sandbox.runCommand('cat', { stdin: 'x'.repeat(100_000) })).stdout.length, 100_000);
  },
  async (sandbox) => {
    const failing = sandbox.runCommand('echo', {
      onStdout: () => {
        throw new Error('mine');
      },
    });
    await assert.rejects(failing, /mine/);
  },
  async (sandbox) => {
    assert.equal((await sandbox.runCommand('kill -9 $$')).exitCode, 137);
  },
];

/** @param {DockerSandbox} sandbox @param {number} n */
async function command(sandbox, n) {
  const kind = n % 5 === 0 ? KINDS[(n / 5) % KINDS.length] : undefined;
  if (kind) return kind(sandbox, n);
  const { stdout } = await sandbox.runCommand(`echo ${n}`, { signal: shared.signal });
  assert.equal(stdout, `${n}\n`);
}

/** @param {DockerSandbox[]} sandboxes @param {number} each */
async function run(sandboxes, each) {
  const began = performance.now();
  await Promise.all(
    sandboxes.map(async (sandbox) => {
      for (let n = 0; n < each; n += 1) await command(sandbox, n);
    }),
  );
  return (performance.now() - began) / 1000;
}

/** @param {number} pid */
function descriptors(pid) {
  return fs.readdirSync(`/proc/${pid}/fd`).length;
}

async function hostState() {
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    global.gc?.();
  }
  const { rss, heapUsed } = process.memoryUsage();
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  const onSignal = getEventListeners(shared.signal, 'abort').length;
  return { descriptors: descriptors(process.pid), listeners, onSignal, rss, heapUsed };
}

/** @param {number} pid @param {string} file */
function proc(pid, file) {
  try {
    return fs.readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/**
 * The agents' processes and all others in the containers, which this machine sees where the engine runs on it.
 * @param {string[]} ids
 */
function inside(ids) {
  const found = list().filter(({ pid }) => {
    const groups = proc(pid, 'cgroup');
    return ids.some((id) => groups.includes(id));
  });
  const isAgent = (/** @type {{ command: string[] }} */ { command: [program] }) =>
    program === '/.computesdk/agent';
  return { agents: found.filter(isAgent).map(agent), others: found.filter((entry) => !isAgent(entry)) };
}

/** @param {{ pid: number, command: string[] }} entry @returns {Agent} */
function agent({ pid, command: words }) {
  const resident = Number(/VmRSS:\s+(\d+) kB/.exec(proc(pid, 'status'))?.[1] ?? 0) * 1024;
  return { pid, command: words.join(' ').trim(), resident, descriptors: descriptors(pid) };
}

/** @param {number} bytes */
function mib(bytes) {
  return `${(bytes / MIB).toFixed(2)} MiB`;
}

/** @param {Agent[]} agents */
function largest(agents) {
  const resident = mib(Math.max(...agents.map((one) => one.resident)));
  return `${agents.length}, at most ${resident} and ${Math.max(...agents.map((one) => one.descriptors))} descriptors`;
}

/** @param {Awaited<ReturnType<typeof hostState>>} state */
function tell({ rss, heapUsed, ...counts }) {
  return JSON.stringify({ ...counts, rss: mib(rss), heapUsed: mib(heapUsed) });
}

/** @param {DockerSandbox[]} sandboxes */
async function soak(sandboxes) {
  const ids = sandboxes.map(({ sandboxId }) => sandboxId);
  await run(sandboxes, WARM_UP);
  const host = await hostState();
  const before = inside(ids).agents;
  console.log(`before: host ${tell(host)}; agents ${largest(before)}`);
  assert.equal(before.length, 2 * SANDBOXES, 'an init and a serving agent in each sandbox');

  const seconds = await run(sandboxes, COMMANDS / SANDBOXES);
  const grown = await hostState();
  await until(() => inside(ids).others.length === 0, 10_000);
  const { agents, others } = inside(ids);
  console.log(
    `after ${COMMANDS} commands in ${seconds.toFixed(1)} s: host ${tell(grown)}; agents ${largest(agents)}`,
  );

  assert.ok(
    grown.descriptors <= host.descriptors + POOL,
    `${host.descriptors} → ${grown.descriptors} descriptors`,
  );
  assert.ok(grown.listeners <= host.listeners, `${host.listeners} → ${grown.listeners} listeners`);
  assert.equal(grown.onSignal, 0, 'listeners on the signal that all commands shared');
  assert.ok(grown.heapUsed < host.heapUsed + 8 * MIB, 'the JavaScript heap has grown');
  assert.ok(grown.rss < host.rss + 64 * MIB, 'the Node process has grown');
  assert.deepEqual(others, [], 'processes are left in the sandboxes');
  assert.deepEqual(
    new Set(agents.map(({ pid }) => pid)),
    new Set(before.map(({ pid }) => pid)),
    'the same agents',
  );
  for (const one of agents) {
    const was = before.find(({ pid }) => pid === one.pid);
    assert.ok(
      was && one.descriptors <= was.descriptors,
      `${one.command}: ${was?.descriptors} → ${one.descriptors}`,
    );
    assert.ok(
      one.resident < was.resident + MIB / 2,
      `${one.command}: ${was.resident} → ${one.resident} bytes`,
    );
  }
}

/** @param {string} host */
async function main(host) {
  await ensureImages(host, [PYTHON]);
  process.env.DOCKER_HOST = host;
  // Both read DOCKER_HOST.
  const { docker } = require('../index.js');
  const { containersWith, remove } = require('./support/docker.js');
  const label = randomUUID();
  const provider = docker({ session: 'agent', image: { name: PYTHON } });
  await provider.sandbox.list();
  const idle = descriptors(process.pid);
  /** @type {string[]} */
  let ids = [];
  try {
    const creating = Array.from({ length: SANDBOXES }, () =>
      provider.sandbox.create({ metadata: { soak: label } }),
    );
    const sandboxes = await Promise.all(creating);
    ids = sandboxes.map(({ sandboxId }) => sandboxId);
    await soak(sandboxes);
    await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
    assert.deepEqual(await containersWith(`com.computesdk.meta.soak=${label}`), [], 'containers are left');
    await until(() => inside(ids).agents.length === 0, 10_000);
    const { agents, others } = inside(ids);
    assert.deepEqual([...agents, ...others], [], 'processes are left');
    await until(() => descriptors(process.pid) <= idle + POOL, 10_000);
    const left = descriptors(process.pid);
    console.log(`descriptors without a sandbox: ${idle} before, ${left} afterwards`);
    assert.ok(left <= idle + POOL, `${idle} → ${left} descriptors`);
  } finally {
    const left = await containersWith(`com.computesdk.meta.soak=${label}`);
    await Promise.all(left.map(({ Id }) => remove(Id)));
  }
  console.log('test:soak: passed');
}

withEngine(main).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
