'use strict';

// The same work by the docker command, one process per call, as scripts do it.

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const RUN = ['run', '--detach', '--rm', '--memory', '512m', '--workdir', '/workspace'];
const LABEL = ['--label', 'com.computesdk.sandbox=true'];

/** Whether this machine has the command. */
function available() {
  return spawnSync('docker', ['--version']).status === 0;
}

/** @returns {import('../types').Contender} */
function cli() {
  return { name: 'docker CLI', create: async () => box(await start()) };
}

async function start() {
  return (await docker([...RUN, ...LABEL, 'python:3.11-slim', 'sleep', 'infinity'])).toString().trim();
}

/**
 * @param {string} id
 * @returns {import('../types').Box}
 */
function box(id) {
  const run = async (/** @type {string[]} */ command) => (await docker(['exec', id, ...command])).toString();
  return {
    id,
    run: (command) => run(['/bin/sh', '-c', command]),
    code: (source) => run(['python3', '-c', source]),
    write: async (file, content) => {
      await docker(['exec', '-i', id, '/bin/sh', '-c', `cat > '${file}'`], content);
    },
    read: (file) => docker(['exec', id, 'cat', file]),
    writeLarge: (file, content) => copyIn(id, file, content),
    readLarge: (file) => copyOut(id, file),
    upload: (from, to) => docker(['cp', '--quiet', from, `${id}:${to}`]),
    download: (from, to) => docker(['cp', '--quiet', `${id}:${from}`, to]),
    list: async (folder) => (await run(['ls', '-lA', folder])).trim().split('\n').length - 1,
    exists: async (file) =>
      (await run(['/bin/sh', '-c', `test -e '${file}' && echo yes || echo no`])) === 'yes\n',
    flow: async (command) => (await docker(['exec', id, '/bin/sh', '-c', command])).length,
    destroy: async () => {
      await docker(['rm', '--force', '--volumes', id]);
    },
  };
}

/** @param {string} id @param {string} file @param {Buffer} content */
async function copyIn(id, file, content) {
  await inTemporary(async (local) => {
    fs.writeFileSync(local, content);
    await docker(['cp', '--quiet', local, `${id}:${file}`]);
  });
}

/** @param {string} id @param {string} file @returns {Promise<Buffer>} */
function copyOut(id, file) {
  return inTemporary(async (local) => {
    await docker(['cp', '--quiet', `${id}:${file}`, local]);
    return fs.readFileSync(local);
  });
}

/**
 * @template T
 * @param {(file: string) => Promise<T>} work
 */
async function inTemporary(work) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'computesdk-bench-'));
  try {
    return await work(path.join(folder, 'file'));
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/**
 * @param {string[]} args
 * @param {Buffer} [input]
 * @returns {Promise<Buffer>} stdout
 */
function docker(args, input) {
  const child = spawn('docker', args, { stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'] });
  /** @type {Buffer[]} */
  const chunks = [];
  let errors = '';
  child.stdout?.on('data', (chunk) => chunks.push(chunk));
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(Buffer.concat(chunks));
      else reject(new Error(`docker ${args.join(' ')}: ${code} ${errors}`));
    });
  });
}

module.exports = { available, cli };
