'use strict';

// The stand-in for node:20-alpine: a BusyBox userland with Node from its npm package and the few glibc
// libraries that this one links to. Also the same Node without any shell or tool.

const fs = require('node:fs');
const path = require('node:path');
const { ensure, run, say } = require('../engine/install');

const USERS = [
  'root:x:0:0:root:/root:/bin/sh',
  'node:x:1000:1000::/home/node:/bin/sh',
  'nobody:x:65534:65534:nobody:/:/sbin/nologin',
];
const GROUPS = ['root:x:0:', 'node:x:1000:', 'nobody:x:65534:'];

/** Like the official image's: what is no command becomes an argument of node. */
const ENTRYPOINT = `#!/bin/sh
case "$1" in
  -*) exec node "$@" ;;
esac
command -v "$1" >/dev/null 2>&1 || exec node "$@"
exec "$@"
`;

/** @param {string} root */
async function nodeFolder(root) {
  say('building node:20-alpine from BusyBox and the npm package of Node');
  base(root);
  addNode(root);
  addBusyBox(root);
  const entrypoint = path.join(root, 'usr/local/bin/docker-entrypoint.sh');
  fs.writeFileSync(entrypoint, ENTRYPOINT, { mode: 0o755 });
}

/** @param {string} root */
async function shellLessNodeFolder(root) {
  base(root);
  addNode(root);
}

/** @param {string} root */
function base(root) {
  for (const name of [
    'bin',
    'etc',
    'home/node',
    'proc',
    'root',
    'sys',
    'usr/bin',
    'usr/sbin',
    'sbin',
    'var',
  ]) {
    fs.mkdirSync(path.join(root, name), { recursive: true });
  }
  for (const name of ['tmp', 'var/tmp']) {
    fs.mkdirSync(path.join(root, name));
    fs.chmodSync(path.join(root, name), 0o1777);
  }
  fs.chownSync(path.join(root, 'home/node'), 1000, 1000);
  fs.writeFileSync(path.join(root, 'etc/passwd'), `${USERS.join('\n')}\n`);
  fs.writeFileSync(path.join(root, 'etc/group'), `${GROUPS.join('\n')}\n`);
}

/** @param {string} root */
function addNode(root) {
  const bin = path.join(root, 'usr/local/bin');
  fs.mkdirSync(bin, { recursive: true });
  const tarball = run('npm', ['pack', '--silent', `node-linux-${process.arch}@20`], { cwd: bin }).trim();
  run('tar', ['-xzf', tarball, '--strip-components=2', 'package/bin/node'], { cwd: bin });
  fs.rmSync(path.join(bin, tarball));
  fs.chmodSync(path.join(bin, 'node'), 0o755);
  for (const library of linkedLibraries(path.join(bin, 'node'))) {
    fs.mkdirSync(path.join(root, path.dirname(library)), { recursive: true });
    fs.copyFileSync(library, path.join(root, library));
  }
}

/** @param {string} program */
function linkedLibraries(program) {
  return run('ldd', [program]).match(/\/\S+\.so\S*/g) ?? [];
}

/** @param {string} root */
function addBusyBox(root) {
  const busybox = busyBox();
  fs.copyFileSync(busybox, path.join(root, 'bin/busybox'));
  fs.chmodSync(path.join(root, 'bin/busybox'), 0o755);
  for (const applet of run(busybox, ['--list']).trim().split('\n')) {
    if (applet !== 'busybox') fs.symlinkSync('busybox', path.join(root, 'bin', applet));
  }
  fs.symlinkSync('/bin/busybox', path.join(root, 'usr/bin/env'));
}

/** The machine's static BusyBox. */
function busyBox() {
  ensure({ busybox: 'busybox-static' }, 'the BusyBox userland');
  const found = ['/bin/busybox', '/usr/bin/busybox'].find((file) => fs.existsSync(file));
  if (!found || linked(found))
    throw new Error('the BusyBox of this machine is not static: install busybox-static');
  return found;
}

/** @param {string} program */
function linked(program) {
  try {
    return linkedLibraries(program).length > 0;
  } catch {
    return false; // ldd fails on a static program.
  }
}

module.exports = { busyBox, nodeFolder, shellLessNodeFolder };
