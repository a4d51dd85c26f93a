'use strict';

// One version everywhere: package.json's. `npm version` runs this, which takes it to npm/ and to the Rust workspace.
//   node scripts/version.js             writes
//   node scripts/version.js --check     fails where one differs
//   node scripts/version.js --check v1.2.3   also where a release's tag does (an empty one is none)

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { ROOT, mainManifest, platformFiles, write } = require('./platforms');

const CARGO = path.join(ROOT, 'Cargo.toml');
/** The version below `[workspace.package]`. */
const CARGO_VERSION = /(?<=^\[workspace\.package\]\nversion = ")[^"]+/m;

/** @param {string} file */
function read(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
}

/** @param {string} [tag] @returns {string[]} what is not of package.json's version */
function differences(tag) {
  const { version } = mainManifest();
  const lock = JSON.parse(read(path.join(ROOT, 'package-lock.json')));
  const wrong = platformFiles()
    .filter(({ file, text }) => read(path.join(ROOT, file)) !== text)
    .map(({ file }) => file);
  if (read(CARGO).match(CARGO_VERSION)?.[0] !== version) wrong.push('Cargo.toml');
  if (lock.version !== version || lock.packages[''].version !== version) wrong.push('package-lock.json');
  if (tag && tag !== `v${version}`) wrong.push(`the tag ${tag}`);
  return wrong;
}

function take() {
  write();
  fs.writeFileSync(CARGO, read(CARGO).replace(CARGO_VERSION, mainManifest().version));
  execFileSync('cargo', ['update', '--workspace', '--offline'], { cwd: ROOT, stdio: 'inherit' });
}

/** @param {string[]} args */
function main([flag, tag]) {
  if (flag !== '--check') return take();
  const wrong = differences(tag);
  if (wrong.length === 0) return;
  console.error(
    `not of version ${mainManifest().version}: ${wrong.join(', ')}; run: node scripts/version.js`,
  );
  process.exitCode = 1;
}

module.exports = { differences };

if (require.main === module) main(process.argv.slice(2));
