'use strict';

// npm run pack: makes the tarballs that a release publishes, from what is built: the main package's, and one for each
// platform whose binary lies in the repository's root. Prints what they weigh.
//   npm run pack                    into target/packages
//   npm run pack -- --all FOLDER    into FOLDER, and fails unless all platforms are there and small, as a release must

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const {
  PLATFORMS,
  ROOT,
  binaryName,
  mainManifest,
  optionalDependencies,
  packageName,
} = require('./platforms');

/** Of the main package and one platform's, installed, in a release; bytes. */
const SIZE_LIMIT = 8_000_000;
/** What only the repository needs. */
const NOT_PUBLISHED = ['devDependencies', 'scripts'];

/**
 * @typedef {object} Packed
 * @property {string} name
 * @property {string} version
 * @property {string} file The tarball.
 * @property {number} size Bytes of the tarball.
 * @property {number} unpackedSize
 * @property {string[]} files Paths in the package.
 */

/**
 * The main package's manifest as published. The platform packages are added here and not in the repository's
 * package.json: there, `npm ci` would want them in package-lock.json, which cannot be written before they are
 * published, and a checkout loads the binary that it built itself.
 * @returns {Record<string, any>}
 */
function publishedManifest() {
  const kept = Object.entries(mainManifest()).filter(([key]) => !NOT_PUBLISHED.includes(key));
  return {
    ...Object.fromEntries(kept),
    optionalDependencies: optionalDependencies(),
    publishConfig: { access: 'public' },
  };
}

/** Copies what is there. @param {string} name below the root @param {string} folder */
function copy(name, folder) {
  const from = path.join(ROOT, name);
  if (fs.existsSync(from)) fs.cpSync(from, path.join(folder, name), { recursive: true });
}

/** @param {string} folder */
function stageMain(folder) {
  const manifest = publishedManifest();
  const listed = manifest.files.map((/** @type {string} */ entry) => entry.split('/')[0]);
  for (const name of new Set([...listed, 'README.md', 'LICENSE'])) copy(name, folder);
  fs.writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** @param {string} folder @param {import('./platforms').Platform} platform @param {string} binary */
function stagePlatform(folder, platform, binary) {
  fs.cpSync(path.join(ROOT, 'npm', platform.triple), folder, { recursive: true });
  copy('LICENSE', folder);
  fs.copyFileSync(binary, path.join(folder, binaryName(platform)));
}

/**
 * @param {(folder: string) => void} stage fills the folder to be packed
 * @param {string} out
 * @returns {Packed}
 */
function pack(stage, out) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'computesdk-pack-'));
  try {
    stage(folder);
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', path.resolve(out)];
    const answer = execFileSync('npm', args, {
      cwd: folder,
      encoding: 'utf8',
      shell: process.platform === 'win32',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [{ name, version, filename, size, unpackedSize, files }] = JSON.parse(answer);
    const paths = files.map((/** @type {{ path: string }} */ file) => file.path).sort();
    return { name, version, file: path.resolve(out, filename), size, unpackedSize, files: paths };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {{ out: string, binaries?: string }} options where to; the folder that holds the binaries, else the root
 * @returns {Packed[]} the platforms' packages, then the main one: the order of publishing
 */
function packAll({ out, binaries = ROOT }) {
  fs.mkdirSync(out, { recursive: true });
  const packed = [];
  for (const platform of PLATFORMS) {
    const binary = path.join(binaries, binaryName(platform));
    if (!fs.existsSync(binary)) continue;
    packed.push(pack((folder) => stagePlatform(folder, platform, binary), out));
  }
  packed.push(pack(stageMain, out));
  return packed;
}

/** @param {number} bytes */
function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`.padStart(12);
}

/** The packages that are too large beside the main one, which is the last. @param {Packed[]} packed */
function tooLarge(packed) {
  const main = packed.at(-1)?.unpackedSize ?? 0;
  return packed.slice(0, -1).filter(({ unpackedSize }) => unpackedSize + main > SIZE_LIMIT);
}

/** @param {string[]} args */
function main(args) {
  const all = args.includes('--all');
  const [out = path.join(ROOT, 'target', 'packages')] = args.filter((arg) => !arg.startsWith('--'));
  const packed = packAll({ out });
  for (const { name, size, unpackedSize, file } of packed) {
    console.log(`${name.padEnd(36)}${kilobytes(size)} packed${kilobytes(unpackedSize)} installed  ${file}`);
  }
  const names = packed.map(({ name }) => name);
  const missing = PLATFORMS.map(packageName).filter((name) => !names.includes(name));
  if (missing.length > 0) console.log(`no binary for ${missing.join(', ')}`);
  const large = tooLarge(packed).map(({ name }) => name);
  if (large.length > 0) console.log(`over ${SIZE_LIMIT / 1e6} MB installed: ${large.join(', ')}`);
  if (missing.length === PLATFORMS.length) process.exitCode = 1;
  if (all && missing.length + large.length > 0) process.exitCode = 1;
}

module.exports = { SIZE_LIMIT, packAll, publishedManifest, tooLarge };

if (require.main === module) main(process.argv.slice(2));
