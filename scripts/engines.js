'use strict';

// npm run test:engines: the contract's specs on other engines than the default one. Long; not part of CI.
//   npm run test:engines                             every engine, every spec
//   npm run test:engines -- podman-5.4 run-command   the engines and the specs of those names
// Debian's packages of other releases are fetched; see engines/packages.js. Prints a table of what passed where.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const Dockerode = require('dockerode');
const { find, withEngine } = require('./engine');
const { ask } = require('./engine/api');
const { obstacle, say } = require('./engine/install');
const privateEngine = require('./engine/private');
const { system, unpacked } = require('./engines/packages');
const podman = require('./engines/podman');
const { ensureImages } = require('./images');
const setup = require('./setup');

/** Specs that bring an engine of their own, or look at no engine. */
const APART = ['engine-faults', 'examples', 'loading', 'memory', 'package', 'prune', 'readme', 'registry'];
const IMAGES = [
  'python:3.11-slim',
  'node:20-alpine',
  'computesdk-test/node-only:1',
  'computesdk-test/scratch:1',
];
const PODMAN = ['podman', 'runc', 'iptables', 'iproute2'];

/** @typedef {{ host: string, stop: () => Promise<void> }} Running */

/** @type {Record<string, () => Promise<Running>>} */
const ENGINES = {
  'docker-20.10': () => docker('e20'),
  'docker-26.1': () => docker('e26', 'trixie'),
  'docker-28.5': () => docker('e28', 'sid'),
  'podman-4.3': () => podman.start('p43', system('bookworm', [...PODMAN, 'containernetworking-plugins'])),
  'podman-5.4': () =>
    podman.start('p54', system('trixie', [...PODMAN, 'netavark', 'aardvark-dns', 'nftables'])),
  'podman-5.8': () => podman.start('p58', system('sid', [...PODMAN, 'netavark', 'aardvark-dns', 'nftables'])),
};

/** @param {string} name @param {string} [suite] Debian's release; the installed engine without one @returns {Promise<Running>} */
async function docker(name, suite) {
  const root = suite && unpacked(suite, ['docker.io', 'containerd']);
  const programs = root ? [`${root}/usr/sbin`, `${root}/usr/bin`] : [];
  const { host } = await privateEngine.start(name, { programs });
  return { host, stop: () => privateEngine.stop(name) };
}

/** @param {string} host the engine that has the images @param {string} to */
async function copyImages(host, to) {
  const client = (/** @type {string} */ at) => new Dockerode({ socketPath: at.slice('unix://'.length) });
  for (const image of IMAGES) {
    const target = client(to);
    const loading = await target.loadImage(await client(host).getImage(image).get());
    await new Promise((resolve, reject) => {
      target.modem.followProgress(loading, (error) => (error ? reject(error) : resolve(undefined)));
    });
  }
}

/** @param {string} spec @param {string} host */
function runSpec(spec, host) {
  const args = ['--test', '--test-reporter=tap', path.join('__test__', `${spec}.spec.js`)];
  const env = { ...process.env, DOCKER_HOST: host };
  const { stdout } = spawnSync(process.execPath, args, {
    cwd: setup.ROOT,
    env,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  const count = (/** @type {string} */ word) =>
    Number(new RegExp(`^# ${word} (\\d+)`, 'm').exec(stdout)?.[1] ?? 0);
  const failed = [...stdout.matchAll(/^ +not ok \d+ - (.*)$/gm)].map(([, name]) => `${spec}: ${name}`);
  return { passed: count('pass'), failed };
}

/** @param {string} name @param {string[]} specs @param {string} source */
async function tryEngine(name, specs, source) {
  const engine = await ENGINES[name]?.();
  if (!engine) throw new Error(`there is no engine ${name}`);
  try {
    await copyImages(source, engine.host);
    const { Version: version } = await ask(engine.host, '/version');
    const result = { name, version, passed: 0, failed: /** @type {string[]} */ ([]) };
    for (const spec of specs) {
      const { passed, failed } = runSpec(spec, engine.host);
      result.passed += passed;
      result.failed.push(...failed);
      say(
        `${name} ${spec}: ${passed} passed${failed.length > 0 ? `, failed:\n  ${failed.join('\n  ')}` : ''}`,
      );
    }
    return result;
  } finally {
    await engine.stop();
  }
}

/** @param {string[]} words */
function select(words) {
  const all = fs.readdirSync(path.join(setup.ROOT, '__test__')).filter((file) => file.endsWith('.spec.js'));
  const contract = all.map((file) => file.replace('.spec.js', '')).filter((spec) => !APART.includes(spec));
  const names = words.filter((word) => word in ENGINES);
  const specs = words.filter((word) => !(word in ENGINES));
  const unknown = specs.find((spec) => !contract.includes(spec));
  if (unknown)
    throw new Error(`${unknown} is neither an engine (${Object.keys(ENGINES).join(', ')}) nor a spec`);
  return {
    names: names.length > 0 ? names : Object.keys(ENGINES),
    specs: specs.length > 0 ? specs : contract,
  };
}

/** @param {string[]} words */
async function main(words) {
  const { names, specs } = select(words);
  const reason = obstacle();
  if (reason) throw new Error(`other engines cannot be started here: ${reason}`);
  await setup.packages();
  await setup.devAddon();
  /** @type {Array<Awaited<ReturnType<typeof tryEngine>>>} */
  const results = [];
  await withEngine(async () => {
    const { host } = await find();
    await ensureImages(host);
    for (const name of names) results.push(await tryEngine(name, specs, host));
  });
  console.log('\n| engine | version | passed | failed |\n|---|---|---|---|');
  for (const { name, version, passed, failed } of results) {
    console.log(`| ${name} | ${version} | ${passed} | ${failed.length} |`);
  }
  if (results.some(({ failed }) => failed.length > 0)) process.exitCode = 1;
}

main(process.argv.slice(2)).catch((error) => {
  say(error.message);
  process.exitCode = 1;
});
