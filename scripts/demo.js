'use strict';

// npm run demo: sets up what is missing, then shows the main job on a real engine: sandboxes that run
// Python and Node, commands with live output, files and a served URL. Everything it makes is destroyed again.

const { get } = require('node:http');
const { setTimeout: sleep } = require('node:timers/promises');
const { withEngine } = require('./engine');
const { say } = require('./engine/install');
const { ensureImages } = require('./images');
const setup = require('./setup');

/** @typedef {import('../index').DockerSandbox} Sandbox */

/**
 * Runs one step and prints what it took.
 * @template T
 * @param {string} title
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function timed(title, work) {
  const began = process.hrtime.bigint();
  const value = await work();
  const ms = Number(process.hrtime.bigint() - began) / 1e6;
  console.log(`  ${title.padEnd(52)} ${ms.toFixed(1).padStart(8)} ms`);
  return value;
}

/** @param {string} text */
function shown(text) {
  for (const line of text.trimEnd().split('\n')) console.log(`      ${line}`);
}

/**
 * Runs a part of the demo in a sandbox that is destroyed whatever happens.
 * @param {import('../index').DockerProvider} provider
 * @param {'python' | 'node'} runtime
 * @param {(sandbox: Sandbox) => Promise<void>} part
 */
async function inSandbox(provider, runtime, part) {
  console.log(`\n${runtime === 'python' ? 'Python' : 'Node.js'}`);
  const sandbox = await timed('create a sandbox', () => provider.sandbox.create({ runtime, ports: [8080] }));
  try {
    const { metadata } = await sandbox.getInfo();
    console.log(
      `      ${sandbox.sandboxId.slice(0, 12)} from ${metadata?.image}, session: ${metadata?.session}`,
    );
    await part(sandbox);
  } finally {
    await timed('destroy it', () => sandbox.destroy());
  }
}

/** @param {Sandbox} sandbox */
async function python(sandbox) {
  const code =
    'import sys, platform\nprint(f"Hello from Python {platform.python_version()}")\nprint(sum(range(1001)))';
  shown((await timed('runCode', () => sandbox.runCode(code, 'python'))).stdout);
  const broken = await timed('runCode with a syntax error', () =>
    rejection(sandbox.runCode('print("unfinished', 'python')),
  );
  shown(broken);
  await files(sandbox);
  await served(sandbox);
}

/** @param {Sandbox} sandbox */
async function files(sandbox) {
  const { filesystem } = sandbox;
  await timed('writeFile data/greeting.txt', () =>
    filesystem.writeFile('data/greeting.txt', 'Grüße aus dem Container\n'),
  );
  shown(await timed('readFile', () => filesystem.readFile('data/greeting.txt')));
  const entries = await timed('readdir data', () => filesystem.readdir('data'));
  shown(entries.map((entry) => `${entry.path}, ${entry.size} bytes`).join('\n'));
}

/** @param {Sandbox} sandbox */
async function served(sandbox) {
  const server = 'python3 -m http.server 8080 --directory data';
  const { pid } = await timed('start a web server in the background', () =>
    sandbox.runCommand(server, { background: true }),
  );
  const url = await timed('getUrl', () => sandbox.getUrl({ port: 8080 }));
  shown(`pid ${pid} serves at ${url}`);
  shown(await timed('fetch a file from this machine', () => fetched(`${url}/greeting.txt`)));
}

/** @param {Sandbox} sandbox */
async function node(sandbox) {
  const code =
    'import os from "node:os";\nconsole.log("Hello from", await Promise.resolve(os.type()), process.version);';
  shown((await timed('runCode, an ES module', () => sandbox.runCode(code, 'node'))).stdout);
  const counting = 'for i in 1 2 3; do echo "line $i"; sleep 0.2; done';
  const onStdout = (/** @type {string} */ text) => shown(`live: ${text}`);
  await timed('runCommand with live output', () => sandbox.runCommand(counting, { onStdout }));
  shown(
    (
      await timed('runCommand, its arguments quoted', () =>
        sandbox.runCommand('echo', ['$(date)', "it's data"]),
      )
    ).stdout,
  );
  const hundred = () => Promise.all(Array.from({ length: 100 }, () => sandbox.runCommand('true')));
  await timed('100 commands at once', hundred);
  const slow = await timed('runCommand("sleep 60", { timeout: 300 })', () =>
    sandbox.runCommand('sleep 60', { timeout: 300 }),
  );
  shown(`exit code ${slow.exitCode}, timedOut: ${slow.timedOut}`);
}

/** @param {Promise<unknown>} promise @returns {Promise<string>} */
async function rejection(promise) {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return `thrown: ${/** @type {Error} */ (error).message}`;
  }
}

/**
 * The server needs a moment to listen.
 * @param {string} url
 * @returns {Promise<string>}
 */
async function fetched(url, attempts = 50) {
  try {
    return await body(url);
  } catch (error) {
    if (attempts === 0) throw error;
    await sleep(100);
    return fetched(url, attempts - 1);
  }
}

/** @param {string} url @returns {Promise<string>} */
function body(url) {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(text)).on('error', reject);
    });
    request.on('error', reject);
  });
}

async function main() {
  await setup.packages();
  await setup.anyAddon();
  await withEngine(async (host) => {
    await ensureImages(host, ['python:3.11-slim', 'node:20-alpine']);
    process.env.DOCKER_HOST = host;
    console.log(`Docker engine: ${host}`);
    const { docker } = require('..');
    const provider = docker({});
    await inSandbox(provider, 'python', python);
    await inSandbox(provider, 'node', node);
  });
  console.log('\nDone; nothing is left behind.');
}

main().catch((error) => {
  say(error.stack ?? error.message);
  process.exitCode = 1;
});
