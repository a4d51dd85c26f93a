'use strict';

// The package managers: how each installs a fresh project whose packages of our scope come from the local registry.

const fs = require('node:fs');
const path = require('node:path');
const { mustRun } = require('./folders.js');

/**
 * @typedef {object} Place
 * @property {string} project Folder of the project.
 * @property {string} ours URL of the registry of our scope.
 * @property {string} others URL of the registry of all other packages.
 * @property {string} tools The folder that the tools are installed in.
 */

/** @param {Place} place @param {string} name */
function tool({ tools }, name) {
  return path.join(tools, 'node_modules', '.bin', name);
}

/** @param {Place} place */
function npmSettings({ project, ours, others }) {
  fs.writeFileSync(path.join(project, '.npmrc'), `registry=${others}\n@computesdk:registry=${ours}\n`);
}

/** @param {Place} place */
async function npm(place) {
  npmSettings(place);
  // Its own cache would remember the package of an earlier run.
  const cache = path.join(place.project, '.cache');
  await mustRun(['npm', 'install', '--no-audit', '--no-fund', '--cache', cache], { cwd: place.project });
}

/** @param {Place} place */
async function pnpm(place) {
  npmSettings(place);
  const [store, cache] = ['.store', '.cache'].map((name) => path.join(place.project, name));
  const command = [tool(place, 'pnpm'), 'install', '--no-frozen-lockfile', `--store-dir=${store}`];
  await mustRun(command, { cwd: place.project, env: { XDG_CACHE_HOME: cache } });
}

/** @param {Place} place @param {'node-modules' | 'pnp'} linker */
async function yarn(place, linker) {
  const settings = {
    nodeLinker: linker,
    pnpEnableEsmLoader: true,
    npmRegistryServer: place.others,
    npmScopes: { computesdk: { npmRegistryServer: place.ours } },
    unsafeHttpWhitelist: ['127.0.0.1'],
    enableTelemetry: false,
    enableGlobalCache: false,
    enableImmutableInstalls: false,
  };
  fs.writeFileSync(path.join(place.project, '.yarnrc.yml'), JSON.stringify(settings));
  fs.writeFileSync(path.join(place.project, 'yarn.lock'), '');
  await mustRun([tool(place, 'yarn'), 'install'], { cwd: place.project });
}

/** @param {Place} place */
async function bun(place) {
  npmSettings(place);
  const env = { BUN_INSTALL_CACHE_DIR: path.join(place.project, '.cache') };
  await mustRun([bunProgram(place), 'install'], { cwd: place.project, env });
}

/** Its own package starts it by way of an install script, which is not run here. @param {Place} place */
function bunProgram({ tools }) {
  const scope = path.join(tools, 'node_modules', '@oven');
  const [name = ''] = fs.readdirSync(scope);
  return path.join(scope, name, 'bin', 'bun');
}

/** @type {Record<string, (place: Place) => Promise<void>>} */
const MANAGERS = {
  npm,
  pnpm,
  'yarn (node_modules)': (place) => yarn(place, 'node-modules'),
  'yarn (Plug’n’Play)': (place) => yarn(place, 'pnp'),
  bun,
};

module.exports = { MANAGERS, bunProgram, tool };
