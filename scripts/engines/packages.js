'use strict';

// Engines that this machine does not have: Debian's packages of other releases, unpacked beside the machine's own and
// never installed. Downloads are kept; a newer package of the same release replaces what was unpacked.

const fs = require('node:fs');
const path = require('node:path');
const { ensure, run, say } = require('../engine/install');

const CACHE = '/var/cache/computesdk-engines';
const MIRROR = 'http://deb.debian.org/debian';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** apt with an own root, lists and state. @param {string} root @param {string[]} args @param {string} [cwd] */
function apt(root, [program = '', ...args], cwd) {
  const options = {
    Dir: root,
    'Dir::State::status': `${root}/var/lib/dpkg/status`,
    'APT::Sandbox::User': 'root',
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return run(program, [...flags, ...args], { cwd });
}

/** @param {string} suite such as `trixie` @returns {string} */
function aptRoot(suite) {
  const root = path.join(CACHE, 'apt', suite);
  const folders = [
    'etc/apt/preferences.d',
    'etc/apt/apt.conf.d',
    'var/lib/apt/lists/partial',
    'var/lib/dpkg',
  ];
  for (const folder of [...folders, 'var/cache/apt/archives/partial', 'deb']) {
    fs.mkdirSync(path.join(root, folder), { recursive: true });
  }
  fs.writeFileSync(path.join(root, 'var/lib/dpkg/status'), '');
  fs.writeFileSync(
    path.join(root, 'etc/apt/sources.list'),
    `deb [signed-by=${KEYRING}] ${MIRROR} ${suite} main\n`,
  );
  return root;
}

/**
 * The unpacked packages of a release.
 * @param {string} suite
 * @param {string[]} packages
 * @returns {string} the folder that holds `usr`
 */
function unpacked(suite, packages) {
  say(`fetching ${packages.join(', ')} of Debian ${suite}`);
  const root = aptRoot(suite);
  apt(root, ['apt-get', 'update', '-q']);
  const downloads = path.join(root, 'deb');
  fs.rmSync(downloads, { recursive: true, force: true });
  fs.mkdirSync(downloads);
  apt(root, ['apt-get', 'download', '-q', ...packages], downloads);
  const folder = path.join(CACHE, suite);
  fs.rmSync(folder, { recursive: true, force: true });
  for (const file of fs.readdirSync(downloads)) run('dpkg', ['-x', path.join(downloads, file), folder]);
  return folder;
}

/**
 * A whole small system of a release, for programs that need its libraries.
 * @param {string} suite
 * @param {string[]} packages
 */
function system(suite, packages) {
  ensure({ debootstrap: 'debootstrap' }, `a Debian ${suite} beside this one`);
  const folder = path.join(CACHE, `${suite}-system`);
  const done = path.join(folder, 'etc', 'computesdk-engines');
  const wanted = packages.join(',');
  if (fs.existsSync(done) && fs.readFileSync(done, 'utf8') === wanted) return folder;
  say(`making a small Debian ${suite} with ${packages[0]} (a minute or two)`);
  fs.rmSync(folder, { recursive: true, force: true });
  run('debootstrap', ['--variant=minbase', `--include=${wanted}`, suite, folder, MIRROR]);
  fs.writeFileSync(done, wanted);
  return folder;
}

module.exports = { system, unpacked };
