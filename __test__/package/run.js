'use strict';

// npm run test:package: the package as people get it. Packs it, lints the tarballs, and for each package manager
// installs it into a fresh project and uses it there in every way. Takes some minutes; needs the package registry.
//   npm run test:package                    a release build, and its size is bounded
//   npm run test:package -- --as-built      whatever binary is there
//   npm run test:package -- pnpm Deno       only the checks that are called so

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { withEngine } = require('../../scripts/engine');
const { ensureImages } = require('../../scripts/images');
const { SIZE_LIMIT, packAll, tooLarge } = require('../../scripts/pack.js');
const setup = require('../../scripts/setup');
const { freshFolder, mustRun, weight } = require('./folders.js');
const { MANAGERS, tool } = require('./managers.js');
const { serve } = require('./registry.js');
const { USES, prepare } = require('./uses.js');

/** @typedef {import('./managers').Place} Place */
/** @typedef {{ name: string, error?: unknown, note?: string }} Result */

/** What asks for a check by its name, all where nothing does. @param {string[]} words */
function selection(words) {
  const wanted = words.map((word) => word.toLowerCase());
  return (/** @type {string} */ name) =>
    wanted.length === 0 || wanted.some((word) => name.toLowerCase().includes(word));
}

/** @param {string} name @param {() => Promise<string | void>} check @returns {Promise<Result>} */
async function checked(name, check) {
  const began = Date.now();
  try {
    const note = (await check()) ?? '';
    console.log(`  passed  ${name}  ${note}(${((Date.now() - began) / 1000).toFixed(1)} s)`);
    return { name };
  } catch (error) {
    console.log(`  FAILED  ${name}\n${error instanceof Error ? error.message : error}`);
    return { name, error };
  }
}

/** Installs the tools of tools/package.json where they are not there yet. */
async function installTools() {
  const folder = path.join(setup.ROOT, 'target', 'package-test', 'tools');
  const wanted = fs.readFileSync(path.join(__dirname, 'tools', 'package.json'), 'utf8');
  const stamp = path.join(folder, 'node_modules', 'installed.json');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === wanted) return folder;
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), wanted);
  await mustRun(['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder });
  fs.writeFileSync(stamp, wanted);
  return folder;
}

/** @param {string} tools @param {ReturnType<typeof packAll>} packed */
async function lint(tools, packed) {
  const place = /** @type {Place} */ ({ tools });
  for (const { file } of packed) {
    await mustRun([tool(place, 'publint'), 'run', file, '--strict'], { cwd: tools });
  }
  const main = packed.at(-1);
  assert.ok(main);
  await mustRun([tool(place, 'attw'), main.file], { cwd: tools });
}

/** @param {number} bytes */
function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

/** @param {boolean} asBuilt @param {ReturnType<typeof packAll>} packed @param {string} others */
async function sizes(asBuilt, packed, others) {
  const ours = packed.reduce((sum, { unpackedSize }) => sum + unpackedSize, 0);
  const folder = freshFolder('dockerode');
  try {
    const install = ['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', '--registry', others];
    await mustRun([...install, 'dockerode@5.0.1'], { cwd: folder });
    const theirs = weight(path.join(folder, 'node_modules'));
    const large = asBuilt ? [] : tooLarge(packed);
    assert.deepEqual(large, [], `more than ${megabytes(SIZE_LIMIT)}`);
    return `installed ${megabytes(ours)}, dockerode and what it needs ${megabytes(theirs)} `;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Installs by one package manager and uses what came.
 * @param {string} manager
 * @param {Omit<Place, 'project'>} shared
 * @param {(name: string) => boolean} wanted
 * @returns {Promise<Result[]>}
 */
async function use(manager, shared, wanted) {
  const uses = Object.entries(USES[manager] ?? {}).filter(([name]) => wanted(`${manager}: ${name}`));
  if (uses.length === 0) return [];
  const place = { ...shared, project: freshFolder('project') };
  try {
    prepare(manager, place.project);
    const installed = await checked(`${manager}: install`, async () => MANAGERS[manager]?.(place));
    if (installed.error) return [installed];
    const results = [installed];
    for (const [name, run] of uses) results.push(await checked(`${manager}: ${name}`, () => run(place)));
    return results;
  } finally {
    fs.rmSync(place.project, { recursive: true, force: true });
  }
}

/** @param {boolean} asBuilt @param {(name: string) => boolean} wanted */
async function checks(asBuilt, wanted) {
  const others = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  const tools = await installTools();
  const out = freshFolder('tarballs');
  const packed = packAll({ out });
  const registry = await serve(packed);
  const shared = { ours: registry.url, others, tools };
  const results = [];
  try {
    if (wanted('publint and attw')) {
      results.push(await checked('publint and attw', () => lint(tools, packed)));
    }
    if (wanted('size')) results.push(await checked('size', () => sizes(asBuilt, packed, others)));
    for (const manager of Object.keys(MANAGERS)) results.push(...(await use(manager, shared, wanted)));
  } finally {
    await registry.close();
    fs.rmSync(out, { recursive: true, force: true });
  }
  return results;
}

/** @param {string[]} args */
async function main(args) {
  const asBuilt = args.includes('--as-built');
  await setup.packages();
  if (!asBuilt) await setup.releaseAddon();
  const wanted = selection(args.filter((arg) => !arg.startsWith('--')));
  const results = await withEngine(async (host) => {
    process.env.DOCKER_HOST = host;
    await ensureImages(host);
    return checks(asBuilt, wanted);
  });
  const failed = results.filter(({ error }) => error !== undefined);
  console.log(`${results.length - failed.length} passed, ${failed.length} failed`);
  if (results.length === 0 || failed.length > 0) process.exitCode = 1;
}

main(process.argv.slice(2));
