'use strict';

// A private Docker engine: dockerd with a socket, data root, containerd namespace and bridge of its own.
// Several may run side by side under different names. Images survive a stop (they stay in the data root),
// containers do not. It decides nothing about when one is needed.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { answers, ask } = require('./api');
const { ensure, obstacle, run, say } = require('./install');
const network = require('./network');
const processes = require('./process');

const RUN_ROOT = '/run/computesdk-engine';
const DATA_ROOT = '/var/lib/computesdk-engine';
const PACKAGES = { dockerd: 'docker.io', iptables: 'iptables', ip: 'iproute2' };

/**
 * @typedef {object} StartOptions
 * @property {string[]} [args] further arguments for dockerd, e.g. `--live-restore`
 * @property {string[]} [programs] folders that hold another dockerd and its containerd
 */

/** @param {string} name */
function places(name) {
  if (!/^[a-z0-9][a-z0-9-]{0,19}$/.test(name))
    throw new Error(`an engine cannot be named ${JSON.stringify(name)}`);
  const folder = path.join(RUN_ROOT, name);
  return {
    folder,
    data: path.join(DATA_ROOT, name),
    exec: path.join(folder, 'exec'),
    host: `unix://${folder}/docker.sock`,
    lock: path.join(RUN_ROOT, `${name}.lock`),
    log: path.join(folder, 'dockerd.log'),
    pidfile: path.join(folder, 'dockerd.pid'),
  };
}

/**
 * The name of the private engine that a DOCKER_HOST points to.
 * @param {string} host
 */
function nameOf(host) {
  return /^unix:\/\/\/run\/computesdk-engine\/([a-z0-9-]+)\/docker\.sock$/.exec(host)?.[1];
}

/**
 * Starts the engine, or finds it running.
 * @param {string} name
 * @param {StartOptions} [options]
 * @returns {Promise<{ host: string, pid: number | undefined, started: boolean }>}
 */
async function start(name, options = {}) {
  const at = places(name);
  return locked(at.lock, async () => {
    if (await answers(at.host)) return { host: at.host, pid: processes.readPid(at.pidfile), started: false };
    const reason = obstacle();
    if (reason) throw new Error(`a private Docker engine cannot be started: ${reason}`);
    ensure(PACKAGES, 'a private Docker engine');
    await launch(name, at, options);
    return { host: at.host, pid: processes.readPid(at.pidfile), started: true };
  });
}

/** @param {string} name @param {ReturnType<typeof places>} at @param {StartOptions} options */
async function launch(name, at, { args = [], programs = [] }) {
  await processes.end(daemon(at), 20_000);
  // Left by daemons that were killed: dockerd takes their numbers for running ones, a zombie's too.
  const containerd = path.join(at.exec, 'containerd', 'containerd.pid');
  fs.rmSync(at.pidfile, { force: true });
  if (!processes.alive(processes.readPid(containerd))) fs.rmSync(containerd, { force: true });
  fs.mkdirSync(at.folder, { recursive: true });
  fs.mkdirSync(at.data, { recursive: true });
  const log = fs.openSync(at.log, 'a');
  const child = spawn('dockerd', [...daemonArgs(name, at), ...network.up(name), ...args], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, PATH: [...programs, process.env.PATH, '/usr/sbin', '/sbin'].join(':') },
  });
  fs.closeSync(log);
  let ended = '';
  child.once('error', (error) => {
    ended = error.message;
  });
  child.once('exit', (code, signal) => {
    ended = `it ended with ${code ?? signal}`;
  });
  child.unref();
  const up = async () => ended !== '' || (await answers(at.host));
  if (!(await processes.until(up, 60_000))) ended = 'it does not answer';
  if (ended === '') return;
  const tail = fs.readFileSync(at.log, 'utf8').trim().split('\n').slice(-10).join('\n');
  await processes.end(child.pid, 5000);
  throw new Error(`dockerd did not start (${ended}); the end of ${at.log}:\n${tail}`);
}

/** @param {string} name @param {ReturnType<typeof places>} at */
function daemonArgs(name, at) {
  // The namespaces matter where a system-wide containerd runs, which dockerd would share with another engine.
  return [
    ...['--host', at.host, '--data-root', at.data, '--exec-root', at.exec, '--pidfile', at.pidfile],
    ...['--containerd-namespace', `csdk-${name}`, '--containerd-plugins-namespace', `csdk-${name}-plugins`],
  ];
}

/**
 * The pid of this engine's dockerd, if the one in the pid file still is one.
 * @param {ReturnType<typeof places>} at
 */
function daemon(at) {
  const pid = processes.readPid(at.pidfile);
  return processes.list().find((entry) => entry.pid === pid && entry.command.includes(at.data))?.pid;
}

/**
 * Ends the engine with its containers; its images stay. Nothing happens where none runs.
 * @param {string} name
 */
async function stop(name) {
  const at = places(name);
  await locked(at.lock, async () => {
    await killContainers(at.host);
    await processes.end(daemon(at), 20_000);
    await endRemains(at);
    unmountUnder([at.folder, at.data]);
    network.down(name);
    fs.rmSync(at.folder, { recursive: true, force: true });
  });
}

/**
 * Ends dockerd and starts it again; with `--live-restore` in `args` both times, containers live on.
 * @param {string} name
 * @param {StartOptions} [options]
 */
async function restart(name, options) {
  const at = places(name);
  await processes.end(daemon(at), 20_000);
  return start(name, options);
}

/**
 * dockerd would give every container its grace time.
 * @param {string} host
 */
async function killContainers(host) {
  if (!(await answers(host))) return;
  const running = await ask(host, '/containers/json');
  const kill = (/** @type {{ Id: string }} */ { Id }) =>
    ask(host, `/containers/${Id}/kill`, { method: 'POST' });
  await Promise.allSettled(running.map(kill));
}

/**
 * What outlives dockerd: its containerd, and after a crash or with live-restore the shims and their containers.
 * @param {ReturnType<typeof places>} at
 */
async function endRemains(at) {
  const all = processes.list();
  const ours = all.filter((entry) => entry.command.some((word) => word.startsWith(`${at.exec}/`)));
  const pids = new Set(ours.map((entry) => entry.pid));
  for (const entry of all) {
    if (pids.has(entry.parent) && !pids.has(entry.pid)) processes.signal(entry.pid, 'SIGKILL');
  }
  for (const pid of pids) await processes.end(pid, 5000);
}

/** dockerd makes the data root itself a mount, too. @param {string[]} roots */
function unmountUnder(roots) {
  const points = fs
    .readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  for (const point of points.reverse()) {
    if (!roots.some((root) => point === root || point.startsWith(`${root}/`))) continue;
    try {
      run('umount', ['-l', point]);
    } catch (error) {
      say(/** @type {Error} */ (error).message);
    }
  }
}

/**
 * One process at a time starts or stops an engine of a name.
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function locked(file, work) {
  fs.mkdirSync(RUN_ROOT, { recursive: true });
  const own = `${file}.${process.pid}`;
  fs.writeFileSync(own, String(process.pid));
  const take = () => {
    try {
      // A link, since a file that is created first and written then is seen empty in between.
      fs.linkSync(own, file);
      return true;
    } catch {
      if (!processes.alive(processes.readPid(file))) fs.rmSync(file, { force: true });
      return false;
    }
  };
  const taken = await processes.until(take, 120_000);
  fs.rmSync(own);
  if (!taken) throw new Error(`another process holds ${file}`);
  try {
    return await work();
  } finally {
    fs.rmSync(file, { force: true });
  }
}

module.exports = { nameOf, places, restart, start, stop };
