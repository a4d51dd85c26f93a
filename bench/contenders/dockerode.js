'use strict';

// The same work by dockerode, as its users write it: an exec per command (create, start, read, inspect),
// small files through a shell, large ones through the archive API.

const path = require('node:path');
const { once } = require('node:events');
const { Writable } = require('node:stream');
const Docker = require('dockerode');
const { pack, unpack } = require('./tar');

const OPTIONS = {
  Image: 'python:3.11-slim',
  Cmd: ['sleep', 'infinity'],
  WorkingDir: '/workspace',
  Labels: { 'com.computesdk.sandbox': 'true' },
  HostConfig: { Memory: 512 * 1024 * 1024, AutoRemove: true },
};

/** @returns {import('../types').Contender} */
function dockerode() {
  const docker = new Docker();
  return { name: 'dockerode', create: () => create(docker) };
}

/**
 * A container that runs already.
 * @param {string} id
 */
function attach(id) {
  const docker = new Docker();
  return box(docker, docker.getContainer(id));
}

/** @param {Docker} docker */
async function create(docker) {
  const container = await docker.createContainer(OPTIONS);
  await container.start();
  return box(docker, container);
}

/**
 * @param {Docker} docker
 * @param {Docker.Container} container
 * @returns {import('../types').Box}
 */
function box(docker, container) {
  const run = async (/** @type {string[]} */ command) => (await exec(docker, container, command)).toString();
  return {
    id: container.id,
    run: (command) => run(['/bin/sh', '-c', command]),
    code: (source) => run(['python3', '-c', source]),
    write: (file, content) => write(container, file, content),
    read: (file) => exec(docker, container, ['cat', file]),
    writeLarge: async (file, content) => {
      await container.putArchive(pack(path.basename(file), content), { path: path.dirname(file) });
    },
    readLarge: async (file) => unpack(await collect(await container.getArchive({ path: file }))),
    list: async (folder) => (await run(['ls', '-lA', folder])).trim().split('\n').length - 1,
    exists: async (file) =>
      (await run(['/bin/sh', '-c', `test -e '${file}' && echo yes || echo no`])) === 'yes\n',
    flow: async (command) => {
      let bytes = 0;
      await output(docker, container, ['/bin/sh', '-c', command], (chunk) => {
        bytes += chunk.length;
      });
      return bytes;
    },
    destroy: () => container.remove({ force: true, v: true }),
  };
}

/**
 * @param {Docker} docker
 * @param {Docker.Container} container
 * @param {string[]} command
 */
async function exec(docker, container, command) {
  /** @type {Buffer[]} */
  const chunks = [];
  await output(docker, container, command, (chunk) => chunks.push(chunk));
  return Buffer.concat(chunks);
}

/**
 * @param {Docker} docker
 * @param {Docker.Container} container
 * @param {string[]} command
 * @param {(chunk: Buffer) => void} onStdout
 */
async function output(docker, container, command, onStdout) {
  const created = await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
  const stream = await created.start({ hijack: true, stdin: false });
  docker.modem.demuxStream(
    stream,
    sink(onStdout),
    sink(() => {}),
  );
  await once(stream, 'end');
  await expectSuccess(created);
}

/**
 * @param {Docker.Container} container
 * @param {string} file
 * @param {Buffer} content
 */
async function write(container, file, content) {
  const command = ['/bin/sh', '-c', `cat > '${file}'`];
  const created = await container.exec({
    Cmd: command,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await created.start({ hijack: true, stdin: true });
  stream.resume();
  stream.end(content);
  await once(stream, 'end');
  await expectSuccess(created);
}

/** @param {Docker.Exec} created */
async function expectSuccess(created) {
  const { ExitCode } = await created.inspect();
  if (ExitCode !== 0) throw new Error(`exit code ${ExitCode}`);
}

/** @param {(chunk: Buffer) => void} take */
function sink(take) {
  return new Writable({
    write(chunk, _encoding, done) {
      take(chunk);
      done();
    },
  });
}

/** @param {NodeJS.ReadableStream} stream */
async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(/** @type {Buffer} */ (chunk));
  return Buffer.concat(chunks);
}

module.exports = { attach, create, dockerode };
