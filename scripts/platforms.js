'use strict';

// The platforms that a binary is published for, and the package of each. npm/ holds what this file says, as plain
// files: scripts/version.js writes them, the package spec compares.

const fs = require('node:fs');
const path = require('node:path');

const ROOT = path.join(__dirname, '..');

/**
 * @typedef {object} Platform
 * @property {string} triple Suffix of package and binary, as lib/platform.js says it.
 * @property {string} target Rust's name.
 * @property {'darwin' | 'linux' | 'win32'} os
 * @property {'arm64' | 'x64'} cpu
 * @property {'glibc' | 'musl'} [libc]
 * @property {string} words For a person.
 */

/** @type {Platform[]} */
const PLATFORMS = [
  linux('x64', 'glibc', 'x86_64-unknown-linux-gnu'),
  linux('x64', 'musl', 'x86_64-unknown-linux-musl'),
  linux('arm64', 'glibc', 'aarch64-unknown-linux-gnu'),
  linux('arm64', 'musl', 'aarch64-unknown-linux-musl'),
  { triple: 'darwin-x64', target: 'x86_64-apple-darwin', os: 'darwin', cpu: 'x64', words: 'macOS on Intel' },
  {
    triple: 'darwin-arm64',
    target: 'aarch64-apple-darwin',
    os: 'darwin',
    cpu: 'arm64',
    words: 'macOS on Apple silicon',
  },
  {
    triple: 'win32-x64-msvc',
    target: 'x86_64-pc-windows-msvc',
    os: 'win32',
    cpu: 'x64',
    words: 'Windows on x64',
  },
  {
    triple: 'win32-arm64-msvc',
    target: 'aarch64-pc-windows-msvc',
    os: 'win32',
    cpu: 'arm64',
    words: 'Windows on ARM64',
  },
];

/**
 * @param {'arm64' | 'x64'} cpu
 * @param {'glibc' | 'musl'} libc
 * @param {string} target
 * @returns {Platform}
 */
function linux(cpu, libc, target) {
  const triple = `linux-${cpu}-${libc === 'glibc' ? 'gnu' : 'musl'}`;
  const words = `Linux on ${cpu === 'x64' ? 'x64' : 'ARM64'} with ${libc === 'glibc' ? 'glibc' : 'musl, such as Alpine'}`;
  return { triple, target, os: 'linux', cpu, libc, words };
}

/** The repository's package.json. @returns {Record<string, any>} */
function mainManifest() {
  return JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
}

/** @param {Platform} platform */
function packageName({ triple }) {
  return `@computesdk/docker-${triple}`;
}

/** @param {Platform} platform */
function binaryName({ triple }) {
  return `computesdk-docker.${triple}.node`;
}

/** @param {Platform} platform @param {Record<string, any>} main the repository's package.json */
function manifestOf(platform, main) {
  const { os, cpu, libc } = platform;
  return {
    name: packageName(platform),
    version: main.version,
    description: `The binary of ${main.name} for ${platform.words}`,
    license: main.license,
    main: binaryName(platform),
    files: [binaryName(platform)],
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
    engines: main.engines,
    repository: { ...main.repository, directory: `${main.repository.directory}/npm/${platform.triple}` },
    bugs: main.bugs,
    publishConfig: { access: 'public' },
  };
}

/** @param {Platform} platform @param {Record<string, any>} main */
function readmeOf(platform, main) {
  return `# ${packageName(platform)}

The binary of \`${main.name}\` for ${platform.words} (\`${platform.target}\`).

Nothing to install by hand: your package manager picks it with \`${main.name}\`, as one of its optional dependencies.
`;
}

/**
 * Every file of npm/ and what it must hold.
 * @returns {Array<{ file: string, text: string }>} paths below the root
 */
function platformFiles() {
  const main = mainManifest();
  return PLATFORMS.flatMap((platform) => {
    const folder = path.posix.join('npm', platform.triple);
    return [
      {
        file: `${folder}/package.json`,
        text: `${JSON.stringify(manifestOf(platform, main), null, 2)}\n`,
      },
      { file: `${folder}/README.md`, text: readmeOf(platform, main) },
    ];
  });
}

/** What the published main package depends on: each platform's package at its own version. */
function optionalDependencies() {
  const { version } = mainManifest();
  return Object.fromEntries(PLATFORMS.map((platform) => [packageName(platform), version]));
}

function write() {
  for (const { file, text } of platformFiles()) {
    fs.mkdirSync(path.dirname(path.join(ROOT, file)), { recursive: true });
    fs.writeFileSync(path.join(ROOT, file), text);
  }
}

module.exports = {
  PLATFORMS,
  ROOT,
  binaryName,
  mainManifest,
  optionalDependencies,
  packageName,
  platformFiles,
  write,
};
