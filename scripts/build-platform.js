'use strict';

// Builds the addon for one published platform, as a release does: `node scripts/build-platform.js linux-x64-musl`.
// Both agents must lie in agents/ already: `scripts/agents.js --all` makes them, on a Linux machine, for all platforms.
// Linux is built by cargo-zigbuild, which links against an old glibc or musl on any machine; the others on their own.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { ARCHITECTURES } = require('./agents');
const { PLATFORMS, ROOT, binaryName } = require('./platforms');

/** The oldest glibc that Rust's standard library works with: RHEL 7, Amazon Linux 2. */
const GLIBC = '2.17';
const PACKAGE = 'computesdk-docker';
const LIBRARY = {
  darwin: 'libcomputesdk_docker.dylib',
  linux: 'libcomputesdk_docker.so',
  win32: 'computesdk_docker.dll',
};

/** @param {import('./platforms').Platform} platform @returns {{ args: string[], env: Record<string, string> }} */
function cargo({ os, libc, target }) {
  const flags = ['--release', '--locked', '--package', PACKAGE, '--target'];
  if (os !== 'linux') return { args: ['build', ...flags, target], env: {} };
  if (libc === 'glibc') return { args: ['zigbuild', ...flags, `${target}.${GLIBC}`], env: {} };
  // A library for a program that brings its own musl must not carry another.
  const name = `CARGO_TARGET_${target.toUpperCase().replaceAll('-', '_')}_RUSTFLAGS`;
  return { args: ['zigbuild', ...flags, target], env: { [name]: '-C target-feature=-crt-static' } };
}

function missingAgents() {
  const files = ARCHITECTURES.map((arch) => path.join('agents', `computesdk-agent-${arch}`));
  return files.filter((file) => !fs.existsSync(path.join(ROOT, file)));
}

/** @param {import('./platforms').Platform} platform */
function build(platform) {
  const { args, env } = cargo(platform);
  const { status, error } = spawnSync('cargo', args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`cargo ${args.join(' ')} failed: ${error?.message ?? `exit ${status}`}`);
  const target = process.env.CARGO_TARGET_DIR ?? path.join(ROOT, 'target');
  const file = path.join(ROOT, binaryName(platform));
  fs.copyFileSync(path.join(target, platform.target, 'release', LIBRARY[platform.os]), file);
  console.log(`${binaryName(platform)}: ${fs.statSync(file).size} bytes`);
}

/** @param {string | undefined} triple */
function main(triple) {
  const platform = PLATFORMS.find((one) => one.triple === triple);
  if (!platform) {
    throw new Error(
      `usage: node scripts/build-platform.js ${PLATFORMS.map((one) => one.triple).join(' | ')}`,
    );
  }
  const missing = missingAgents();
  if (missing.length > 0) throw new Error(`a release carries every agent; missing: ${missing.join(', ')}`);
  build(platform);
}

try {
  main(process.argv[2]);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
