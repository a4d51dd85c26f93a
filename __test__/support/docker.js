'use strict';

// An independent witness of what the engine really holds: dockerode, which shares no code with this package.

const Dockerode = require('dockerode');

const witness = new Dockerode();

/** Podman names an image with its registry. @param {any} container */
function withShortName(container) {
  container.Config.Image = container.Config.Image.replace(/^(localhost|docker\.io(\/library)?)\//, '');
  return container;
}

/** @param {string} id @returns {Promise<any>} undefined where there is none */
async function inspect(id) {
  try {
    return withShortName(await witness.getContainer(id).inspect());
  } catch (error) {
    const { statusCode, message } = /** @type {any} */ (error);
    // Podman has another status for one that goes while it is looked at.
    if (statusCode === 404 || /no such container/.test(message)) return undefined;
    throw error;
  }
}

/** @param {string} id */
async function exists(id) {
  return (await inspect(id)) !== undefined;
}

/** @param {string} label `key=value` @returns {Promise<any[]>} */
async function containersWith(label) {
  return witness.listContainers({ all: true, filters: { label: [label] } });
}

/** @param {string} id */
async function remove(id) {
  try {
    await witness.getContainer(id).remove({ force: true, v: true });
  } catch (error) {
    if (![404, 409].includes(/** @type {any} */ (error).statusCode)) throw error;
  }
}

/** @param {NodeJS.ReadableStream} stream */
function separate(stream) {
  const { PassThrough } = require('node:stream');
  const { buffer } = require('node:stream/consumers');
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  witness.modem.demuxStream(stream, stdout, stderr);
  stream.on('end', () => {
    stdout.end();
    stderr.end();
  });
  return Promise.all([buffer(stdout), buffer(stderr)]);
}

/**
 * Runs a program in a container by a plain exec of the witness's own.
 * @param {string} id
 * @param {string[]} argv
 */
async function exec(id, argv) {
  const run = await witness
    .getContainer(id)
    .exec({ Cmd: argv, User: '0', AttachStdout: true, AttachStderr: true });
  const [stdout, stderr] = await separate(await run.start({ hijack: true, stdin: false }));
  return { stdout: stdout.toString(), stderr: stderr.toString() };
}

const LIST_PROCESSES = `
for at in /proc/[0-9]*; do
  [ -r "$at/stat" ] || continue
  read -r stat < "$at/stat" 2>/dev/null || continue
  echo "$stat" | tr '\\n' ' '
  echo "|$(tr '\\0' ' ' < "$at/cmdline" 2>/dev/null)" | tr '\\n' ' '
  echo
done`;

/**
 * The processes of a container that has a shell, as /proc tells them.
 * @param {string} id
 * @returns {Promise<Array<{ pid: number, state: string, parent: number, command: string }>>}
 */
async function processes(id) {
  const { stdout } = await exec(id, ['sh', '-c', LIST_PROCESSES]);
  return stdout
    .split('\n')
    .filter((line) => line.includes('|'))
    .map((line) => {
      const [pid = ''] = line.split(' ', 1);
      const [state = '', parent = ''] = line.slice(line.lastIndexOf(') ') + 2).split(' ');
      const command = line.slice(line.indexOf('|') + 1).trim();
      return { pid: Number(pid), state, parent: Number(parent), command };
    });
}

/**
 * The living processes whose command line holds a text.
 * @param {string} id
 * @param {string} text
 */
async function processesWith(id, text) {
  const all = await processes(id);
  return all.filter(({ state, command }) => state !== 'Z' && state !== 'X' && command.includes(text));
}

module.exports = { containersWith, exec, exists, inspect, processes, processesWith, remove, witness };
