'use strict';

/**
 * Builds the agent, the static program inside a sandbox, for each architecture this machine can build for, into
 * `agents/`. The addon's build embeds what is there. Does nothing for an architecture whose sources did not change.
 */

const { spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const ROOT = path.join(__dirname, '..');
const AGENTS = path.join(ROOT, 'agents');
/** What the agent is made of, beside its dependencies and how it is built; a change in any of it makes a new agent. */
const SOURCES = ['crates/agent', 'crates/protocol'];
const PACKAGE = 'computesdk-docker-agent';
const BINARY = 'computesdk-agent';
const ARCHITECTURES = ['x86_64', 'aarch64'];

/**
 * @typedef {object} Toolchain
 * @property {string} target Rust target triple.
 * @property {string} cargo The cargo to build with.
 * @property {Record<string, string>} env Environment that the build needs.
 */

/**
 * @typedef {object} Outcome
 * @property {string} arch
 * @property {'built' | 'unchanged' | 'missing'} state
 * @property {string} [file] Path of the agent, unless missing.
 * @property {string} [reason] Why it is missing.
 */

/**
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 * @returns {string | undefined} standard output, undefined when the command is not there or fails
 */
function ask(command, args, env = {}) {
  const result = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8', env: { ...process.env, ...env } });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/**
 * @param {string} rustc
 * @param {string} target
 */
function hasTarget(rustc, target) {
  const libraries = ask(rustc, ['--print', 'target-libdir', '--target', target]);
  return (
    libraries !== undefined &&
    fs.existsSync(libraries) &&
    fs.readdirSync(libraries).some((name) => name.startsWith('libstd-'))
  );
}

/**
 * Where rustc can build for `target`: the one in PATH, or Debian's own beside it, which has other targets.
 *
 * @param {string} target
 * @returns {{ rustc: string, cargo: string } | undefined}
 */
function compilerFor(target) {
  const candidates = [
    { rustc: 'rustc', cargo: 'cargo' },
    { rustc: '/usr/bin/rustc', cargo: '/usr/bin/cargo' },
  ];
  return candidates.find(({ rustc, cargo }) => hasTarget(rustc, target) && ask(cargo, ['--version']));
}

/** @param {string} target */
function environmentName(target) {
  return target.toUpperCase().replaceAll('-', '_');
}

/**
 * The way to a static agent: musl where it is installed (smaller), else glibc linked statically.
 *
 * @param {string} arch
 * @returns {Toolchain | string} the reason when there is none
 */
function toolchainFor(arch) {
  const musl = `${arch}-unknown-linux-musl`;
  const gnu = `${arch}-unknown-linux-gnu`;
  const viaMusl = compilerFor(musl);
  if (viaMusl) {
    // rust-lld and the target's own start files: no C toolchain of that architecture is needed.
    const linker = { [`CARGO_TARGET_${environmentName(musl)}_LINKER`]: 'rust-lld' };
    return { target: musl, cargo: viaMusl.cargo, env: { RUSTC: viaMusl.rustc, ...linker } };
  }
  const viaGnu = compilerFor(gnu);
  if (!viaGnu) {
    return `no Rust standard library for ${musl} or ${gnu}; ${howToGet(arch)}`;
  }
  const linker = arch === hostArchitecture() ? 'cc' : `${arch}-linux-gnu-gcc`;
  // A linker without the C library answers with the bare name.
  if (!path.isAbsolute(ask(linker, ['-print-file-name=crt1.o']) ?? '')) {
    return `no linker ${linker} with a C library; ${howToGet(arch)}`;
  }
  const name = `CARGO_TARGET_${environmentName(gnu)}`;
  const env = {
    RUSTC: viaGnu.rustc,
    [`${name}_LINKER`]: linker,
    [`${name}_RUSTFLAGS`]: '-C target-feature=+crt-static',
  };
  return { target: gnu, cargo: viaGnu.cargo, env };
}

/** @param {string} arch */
function howToGet(arch) {
  const rustup = `rustup target add ${arch}-unknown-linux-musl`;
  const debian =
    'dpkg --add-architecture arm64 && apt-get update && apt-get install rustc-web cargo-web ' +
    'libstd-rust-web-dev:arm64 gcc-aarch64-linux-gnu libc6-dev-arm64-cross';
  return arch === 'aarch64' ? `get it by: ${rustup} (or on Debian: ${debian})` : `get it by: ${rustup}`;
}

function hostArchitecture() {
  return process.arch === 'arm64' ? 'aarch64' : 'x86_64';
}

/**
 * @param {string} entry Path below the root.
 * @returns {string[]} files, sorted
 */
function filesOf(entry) {
  const full = path.join(ROOT, entry);
  if (!fs.statSync(full).isDirectory()) {
    return [entry];
  }
  const names = fs.readdirSync(full).sort();
  return names.flatMap((name) => filesOf(path.posix.join(entry, name)));
}

/** The agent's own dependencies with their versions: most of Cargo.lock is the addon's affair. */
function dependencies() {
  return ask('cargo', ['tree', '--locked', '--package', PACKAGE, '--edges', 'normal', '--prefix', 'none']);
}

/** The build profiles of Cargo.toml. */
function profiles() {
  const manifest = fs.readFileSync(path.join(ROOT, 'Cargo.toml'), 'utf8');
  return manifest.split(/^(?=\[)/m).filter((section) => /^\[profile\.(agent|release)/.test(section));
}

/**
 * @param {Toolchain} toolchain
 * @returns {string} changes whenever the agent may
 */
function fingerprint(toolchain) {
  const hash = createHash('sha256');
  const compiler = ask(toolchain.env.RUSTC ?? 'rustc', ['--version']);
  hash.update(JSON.stringify([toolchain, compiler, dependencies(), profiles()]));
  for (const file of SOURCES.flatMap(filesOf).filter((name) => !name.includes('/tests/'))) {
    hash.update(`\0${file}\0`).update(fs.readFileSync(path.join(ROOT, file)));
  }
  return hash.digest('hex');
}

function buildFolder() {
  return path.join(process.env.CARGO_TARGET_DIR ?? path.join(ROOT, 'target'), 'agents');
}

/**
 * Puts `built` in place, whole or not at all, whoever else builds or embeds it now. The same bytes stay untouched, so
 * that the addon is not built again for nothing.
 *
 * @param {string} built
 * @param {string} file
 */
function place(built, file) {
  if (fs.existsSync(file) && fs.readFileSync(file).equals(fs.readFileSync(built))) {
    return;
  }
  const fresh = `${file}.${process.pid}.new`;
  fs.copyFileSync(built, fresh);
  fs.chmodSync(fresh, 0o755);
  fs.renameSync(fresh, file);
}

/**
 * Runs cargo in a target folder of its own, so that it neither waits for other builds nor undoes their caches.
 *
 * @param {Toolchain} toolchain
 * @returns {string} path of the built binary
 */
function build(toolchain) {
  const folder = buildFolder();
  const args = [
    'build',
    '--locked',
    '--profile',
    'agent',
    '--package',
    PACKAGE,
    '--target',
    toolchain.target,
  ];
  const env = { ...process.env, ...toolchain.env, CARGO_TARGET_DIR: folder };
  const result = spawnSync(toolchain.cargo, args, {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (result.status !== 0) {
    throw new Error(`the agent for ${toolchain.target} did not build`);
  }
  return path.join(folder, toolchain.target, 'agent', BINARY);
}

/**
 * Makes `agents/computesdk-agent-<arch>`.
 *
 * @param {string} arch `x86_64` or `aarch64`
 * @returns {Outcome}
 */
function buildAgent(arch) {
  const file = path.join(AGENTS, `${BINARY}-${arch}`);
  const stamp = path.join(buildFolder(), `${arch}.sources`);
  const toolchain = toolchainFor(arch);
  if (typeof toolchain === 'string') {
    // An agent of older sources would not understand the addon.
    fs.rmSync(file, { force: true });
    fs.rmSync(stamp, { force: true });
    return { arch, state: 'missing', reason: toolchain };
  }
  const sources = fingerprint(toolchain);
  if (fs.existsSync(file) && fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === sources) {
    return { arch, state: 'unchanged', file };
  }
  const built = build(toolchain);
  place(built, file);
  fs.writeFileSync(stamp, sources);
  return { arch, state: 'built', file };
}

/**
 * Makes every agent that this machine can make.
 *
 * @returns {Outcome[]}
 */
function buildAgents() {
  return ARCHITECTURES.map(buildAgent);
}

/**
 * @param {Outcome} outcome
 * @returns {string} one line for a person
 */
function describe(outcome) {
  if (outcome.state === 'missing' || !outcome.file) {
    return `agent ${outcome.arch}: MISSING, ${outcome.reason}`;
  }
  const kilobytes = Math.round(fs.statSync(outcome.file).size / 1024);
  return `agent ${outcome.arch}: ${outcome.state}, ${kilobytes} KiB, ${path.relative(ROOT, outcome.file)}`;
}

/** @param {string[]} args `--all` fails when an architecture is missing, as a release must */
function main(args) {
  const outcomes = buildAgents();
  for (const outcome of outcomes) {
    console.log(describe(outcome));
  }
  const missing = outcomes.filter((outcome) => outcome.state === 'missing');
  if (missing.length === outcomes.length || (args.includes('--all') && missing.length > 0)) {
    process.exitCode = 1;
  }
}

module.exports = { ARCHITECTURES, buildAgent, buildAgents, describe };

if (require.main === module) {
  main(process.argv.slice(2));
}
