'use strict';

// The example as a running server, and what Docker holds of it.

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { ROOT } = require('../../scripts/setup');
const { ask } = require('../../scripts/engine/api');

const EXAMPLE = path.join(ROOT, 'examples', 'nextjs');
const NEXT = path.join(EXAMPLE, 'node_modules', 'next', 'dist', 'bin', 'next');
/** Marks the containers of the example; its own value of the key is of no matter here. */
const LABELS = ['com.computesdk.sandbox=true', 'com.computesdk.meta.app'];

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * Polls until something holds.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} look
 * @param {number} [timeoutMs]
 * @returns {Promise<NonNullable<T>>}
 */
async function until(what, look, timeoutMs = 60_000) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await sleep(100);
  }
}

/** @param {number} pid */
function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

/** @param {string} url */
async function answers(url) {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

/**
 * `next start` or `next dev`, ready to serve.
 * @param {'start' | 'dev'} mode
 * @param {{ port: number, env: Record<string, string> }} options
 */
async function serve(mode, { port, env }) {
  const child = spawn(process.execPath, [NEXT, mode, '--port', String(port), '--hostname', 'localhost'], {
    cwd: EXAMPLE,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: `next dev` is several processes.
    detached: true,
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      printed += text;
    });
  }
  const ended = once(child, 'exit');
  const url = `http://localhost:${port}`;
  const stop = async () => {
    child.kill('SIGTERM');
    await Promise.race([ended, sleep(10_000, undefined, { ref: false })]);
    killGroup(Number(child.pid));
    await ended;
  };
  try {
    await until(
      `next ${mode} serves`,
      async () => {
        if (child.exitCode !== null) throw new Error(`next ${mode} ended with ${child.exitCode}`);
        return answers(url);
      },
      300_000,
    );
  } catch (error) {
    await stop();
    throw new Error(`${/** @type {Error} */ (error).message}\n${printed}`);
  }
  return { url, stop, printed: () => printed };
}

/** Ids of the example's sandboxes. @param {string} host @returns {Promise<string[]>} */
async function sandboxes(host) {
  const filters = encodeURIComponent(JSON.stringify({ label: LABELS }));
  const found = await ask(host, `/containers/json?all=true&filters=${filters}`);
  return found.map((/** @type {any} */ it) => it.Id);
}

/** Command lines in a container. @param {string} host @param {string} id @returns {Promise<string[]>} */
async function commands(host, id) {
  const { Processes } = await ask(host, `/containers/${id}/top`);
  return Processes.map((/** @type {string[]} */ columns) => columns.at(-1));
}

module.exports = { EXAMPLE, NEXT, commands, freePort, sandboxes, serve, until };
