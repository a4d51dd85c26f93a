'use strict';

// Publishes what `scripts/pack.js --all FOLDER` made: `node scripts/publish.js FOLDER [--dry-run]`. The platforms'
// packages go first, so that nobody gets a main package without its binary. What is published already is passed
// over: a release that broke off is finished by running it again. A prerelease such as 1.2.0-rc.1 is tagged `next`.

const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { PLATFORMS, mainManifest, packageName } = require('./platforms');

const { name: MAIN, version } = mainManifest();

/** @param {string[]} args @param {'inherit' | 'ignore'} stdio */
function npm(args, stdio) {
  return spawnSync('npm', args, { stdio, shell: process.platform === 'win32' }).status === 0;
}

/** @param {string} name @param {string} folder */
function tarball(name, folder) {
  return path.resolve(folder, `${name.slice(1).replace('/', '-')}-${version}.tgz`);
}

/** @param {string} name @param {string} folder @param {string[]} flags */
function publish(name, folder, flags) {
  if (npm(['view', `${name}@${version}`, 'version', '--json'], 'ignore')) {
    console.log(`${name}@${version} is published already`);
    return;
  }
  const tag = version.includes('-') ? 'next' : 'latest';
  const args = ['publish', tarball(name, folder), '--access', 'public', '--tag', tag, ...flags];
  if (!npm(args, 'inherit')) throw new Error(`npm ${args.join(' ')} failed`);
}

/** @param {string[]} args */
function main(args) {
  const dry = args.includes('--dry-run');
  const [folder] = args.filter((arg) => !arg.startsWith('--'));
  if (folder === undefined) throw new Error('usage: node scripts/publish.js FOLDER [--dry-run]');
  for (const name of [...PLATFORMS.map(packageName), MAIN]) {
    publish(name, folder, dry ? ['--dry-run'] : ['--provenance']);
  }
}

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
