'use strict';

// A private Podman that speaks Docker's API, out of a small Debian of whichever release.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { answers, ask } = require('../engine/api');
const processes = require('../engine/process');

/** @param {string} name of the engine @param {string} root the system that holds podman */
async function start(name, root) {
  const folder = path.join('/run/computesdk-engine', name);
  const host = `unix://${folder}/docker.sock`;
  const log = path.join(folder, 'podman.log');
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const file = fs.openSync(log, 'a');
  const args = ['--mount', 'sh', path.join(__dirname, 'podman.sh'), root, folder];
  const child = spawn('unshare', args, { detached: true, stdio: ['ignore', file, file] });
  fs.closeSync(file);
  child.unref();
  const up = async () => child.exitCode !== null || (await answers(host));
  if ((await processes.until(up, 30_000)) && (await answers(host)))
    return { host, stop: () => stop(child, host, folder) };
  await processes.end(child.pid, 1000);
  throw new Error(`Podman did not start:\n${fs.readFileSync(log, 'utf8').slice(-2000)}`);
}

/** @param {import('node:child_process').ChildProcess} child @param {string} host @param {string} folder */
async function stop(child, host, folder) {
  const all = await ask(host, '/containers/json?all=1');
  const remove = (/** @type {{ Id: string }} */ { Id }) =>
    ask(host, `/containers/${Id}?force=1&v=1`, { method: 'DELETE' });
  await Promise.allSettled(all.map(remove));
  const others = companions(child.pid);
  await processes.end(child.pid, 10_000);
  for (const pid of others) processes.signal(pid, 'SIGKILL');
  fs.rmSync(folder, { recursive: true, force: true });
}

/** The monitors of its execs stay for five minutes; they live in the same mount namespace. @param {number | undefined} pid */
function companions(pid) {
  const space = (/** @type {number | undefined} */ of) => {
    try {
      return fs.readlinkSync(`/proc/${of}/ns/mnt`);
    } catch {
      return undefined;
    }
  };
  const own = space(pid);
  if (!own || own === space(process.pid)) return [];
  return processes
    .list()
    .flatMap((entry) => (entry.pid !== pid && space(entry.pid) === own ? [entry.pid] : []));
}

module.exports = { start };
