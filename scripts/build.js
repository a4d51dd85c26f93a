// Builds the addon and puts it beside index.js, where the loader looks first.
// `node scripts/build.js` is the quick debug build, `--release` the one to ship. The agents come first: the addon
// embeds them.
'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const { platformTriple } = require('../lib/platform.js');

const root = path.join(__dirname, '..');
const release = process.argv.includes('--release');

/** @param {string} command @param {string[]} args */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) {
    console.error(`${command} could not be started: ${error.message}`);
    process.exit(1);
  }
  if (status !== 0) process.exit(status ?? 1);
}

function builtLibrary() {
  const directory = path.join(
    process.env.CARGO_TARGET_DIR ?? path.join(root, 'target'),
    release ? 'release' : 'debug',
  );
  const names = { win32: 'computesdk_docker.dll', darwin: 'libcomputesdk_docker.dylib' };
  const name = names[/** @type {keyof typeof names} */ (process.platform)] ?? 'libcomputesdk_docker.so';
  return path.join(directory, name);
}

// A running process keeps the old file mapped: writing into it would crash that process, a rename does not.
/** @param {string} from @param {string} to */
function replace(from, to) {
  const fresh = `${to}.${process.pid}.tmp`;
  fs.copyFileSync(from, fresh);
  fs.renameSync(fresh, to);
}

const agents = path.join(__dirname, 'agents.js');
if (fs.existsSync(agents)) run(process.execPath, [agents]);
run('cargo', ['build', '--locked', '-p', 'computesdk-docker', ...(release ? ['--release'] : [])]);
const addon = `computesdk-docker.${platformTriple()}.node`;
replace(builtLibrary(), path.join(root, addon));
console.log(`built ${addon}`);
