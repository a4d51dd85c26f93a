'use strict';

// The stand-in for python:3.11-slim: a minimal Debian with its own Python.

const fs = require('node:fs');
const path = require('node:path');
const { ensure, obstacle, run, say } = require('../engine/install');

const INCLUDE = 'python3,python3-pip,ca-certificates';

/** @param {string} folder */
async function pythonFolder(folder) {
  const reason = obstacle();
  if (reason) throw new Error(`python:3.11-slim can neither be pulled nor built here: ${reason}`);
  ensure({ debootstrap: 'debootstrap' }, 'the stand-in for python:3.11-slim');
  say('building python:3.11-slim with debootstrap (about a minute)');
  const { suite, mirror } = debian();
  run('debootstrap', ['--variant=minbase', `--include=${INCLUDE}`, suite, folder, ...mirror]);
  fs.symlinkSync('python3', path.join(folder, 'usr/bin/python'));
  fs.appendFileSync(path.join(folder, 'etc/passwd'), 'app:x:1000:1000::/home/app:/bin/sh\n');
  fs.appendFileSync(path.join(folder, 'etc/group'), 'app:x:1000:\n');
  fs.mkdirSync(path.join(folder, 'home/app'), { mode: 0o755 });
  fs.chownSync(path.join(folder, 'home/app'), 1000, 1000);
  strip(folder);
}

/** What the image does not need, and Debian's mark that would stop `pip install` as the official image allows it. */
function strip(/** @type {string} */ folder) {
  const lib = path.join(folder, 'usr/lib');
  for (const name of fs.readdirSync(lib)) {
    if (name.startsWith('python3')) fs.rmSync(path.join(lib, name, 'EXTERNALLY-MANAGED'), { force: true });
  }
  for (const name of [
    'var/cache/apt/archives',
    'var/lib/apt/lists',
    'usr/share/doc',
    'usr/share/locale',
    'usr/share/man',
  ]) {
    fs.rmSync(path.join(folder, name), { recursive: true, force: true });
    fs.mkdirSync(path.join(folder, name), { recursive: true });
  }
}

/** This machine's release, and the mirror it is set up for. */
function debian() {
  const release = fs.readFileSync('/etc/os-release', 'utf8');
  const suite = /^VERSION_CODENAME=(.+)$/m.exec(release)?.[1];
  if (!suite) throw new Error('/etc/os-release does not name the release of this system');
  const format = ['--format', '$(CODENAME) $(REPO_URI)', 'Created-By: Packages'];
  const lines = run('apt-get', ['indextargets', ...format]).split('\n');
  const mirror =
    lines
      .find((line) => line.startsWith(`${suite} `))
      ?.split(' ')
      .slice(1) ?? [];
  return { suite, mirror };
}

module.exports = { pythonFolder };
