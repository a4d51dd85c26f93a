'use strict';

// The package as it is published: what it holds, and that a fresh project which installs it gets the binary of its
// platform and runs a command. `npm run test:package` does the same with other package managers, tools and runtimes.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { packAll } = require('../scripts/pack.js');
const { PLATFORMS, ROOT, binaryName, mainManifest, packageName } = require('../scripts/platforms.js');
const { differences } = require('../scripts/version.js');
const { platformTriple } = require('../lib/platform.js');
const { fill, freshFolder, mustRun, run } = require('./package/folders.js');
const { serve } = require('./package/registry.js');

const SUITE_TIMEOUT = 300_000;
const { version } = mainManifest();
const here = PLATFORMS.find(({ triple }) => triple === platformTriple());

/** Our binary without its debug information: a debug build's is most of it, and slow to pack. */
async function smallBinary() {
  assert.ok(here);
  const folder = freshFolder('binaries');
  const binary = path.join(folder, binaryName(here));
  fs.copyFileSync(path.join(ROOT, binaryName(here)), binary);
  await run(['strip', '--strip-debug', binary], { cwd: folder }).catch(() => {});
  return folder;
}

const USE = `
  const provider = docker();
  const sandbox = await provider.sandbox.create();
  try {
    const { stdout } = await sandbox.runCommand('echo from a sandbox');
    process.stdout.write(stdout);
  } finally {
    await sandbox.destroy();
  }`;

describe('the packages', { timeout: SUITE_TIMEOUT }, () => {
  /** @type {string[]} */
  const folders = [];
  /** @type {ReturnType<typeof packAll>} */
  let packed = [];
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let registry;
  let project = '';

  before(async () => {
    const [binaries, out] = [await smallBinary(), freshFolder('tarballs')];
    project = freshFolder('project');
    folders.push(binaries, out, project);
    packed = packAll({ out, binaries });
    registry = await serve(packed);
    fill(project, {
      'package.json': JSON.stringify({ name: 'fresh', private: true }),
      '.npmrc': `@computesdk:registry=${registry.url}\ncache=${path.join(project, '.cache')}\n`,
      'esm.mjs': `import { docker } from '@computesdk/docker';\n${USE}`,
      'cjs.cjs': `const { docker } = require('@computesdk/docker');\n(async () => {${USE}})();`,
    });
    await mustRun(['npm', 'install', '--no-audit', '--no-fund', '@computesdk/docker'], { cwd: project });
  });

  after(async () => {
    await registry?.close();
    for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
  });

  it('are of one version, in npm/ and in the Rust workspace too', () => {
    assert.deepEqual(differences(), []);
    assert.deepEqual(differences('v0.0.0-other'), ['the tag v0.0.0-other']);
    assert.deepEqual(
      fs.readdirSync(path.join(ROOT, 'npm')).sort(),
      PLATFORMS.map(({ triple }) => triple).sort(),
    );
  });

  it('hold what is needed and nothing else', () => {
    const [platform, main] = packed;
    assert.ok(here && platform && main && packed.length === 2);
    assert.deepEqual(platform.files, ['LICENSE', 'README.md', binaryName(here), 'package.json'].sort());
    const sources = fs
      .readdirSync(path.join(ROOT, 'lib'), { recursive: true })
      .filter((file) => String(file).endsWith('.js'))
      .map((file) => `lib/${file}`);
    const documents = ['CHANGELOG.md', 'README.md'].filter((file) => fs.existsSync(path.join(ROOT, file)));
    const programs = Object.values(mainManifest().bin).map(String);
    const expected = [
      'LICENSE',
      ...programs,
      'index.d.ts',
      'index.js',
      'package.json',
      ...documents,
      ...sources,
    ];
    assert.deepEqual(main.files, expected.sort());
    assert.ok(main.unpackedSize < 300_000, `${main.unpackedSize} bytes`);
  });

  it('bring the binary of this platform and no other, and run nothing at install', () => {
    assert.ok(here);
    assert.deepEqual(registry.asked.sort(), [...new Set(['@computesdk/docker', packageName(here)])].sort());
    assert.deepEqual(fs.readdirSync(path.join(project, 'node_modules', '@computesdk')).sort(), [
      'docker',
      `docker-${here.triple}`,
    ]);
    const installed = path.join(project, 'node_modules', '@computesdk', 'docker', 'package.json');
    const manifest = JSON.parse(fs.readFileSync(installed, 'utf8'));
    assert.equal(manifest.scripts, undefined);
    assert.equal(manifest.dependencies, undefined);
    assert.deepEqual(
      manifest.optionalDependencies,
      Object.fromEntries(PLATFORMS.map((platform) => [packageName(platform), version])),
    );
  });

  for (const file of ['esm.mjs', 'cjs.cjs']) {
    it(`run a command in ${file}`, async () => {
      const ended = await run([process.execPath, file], { cwd: project });
      assert.deepEqual(ended, { code: 0, stdout: 'from a sandbox\n', stderr: '' });
    });
  }

  it('bring the doctor', async () => {
    const ended = await run(['npx', '--no-install', '@computesdk/docker', 'doctor', '--json'], {
      cwd: project,
    });
    assert.equal(ended.code, 0, ended.stdout + ended.stderr);
    assert.equal(JSON.parse(ended.stdout).host.package, `@computesdk/docker ${version}`);
  });

  it('say what to install where the binary is missing', async () => {
    assert.ok(here);
    const scope = path.join(project, 'node_modules', '@computesdk');
    const away = path.join(project, 'away');
    fs.renameSync(path.join(scope, `docker-${here.triple}`), away);
    try {
      const { code, stderr } = await run([process.execPath, 'cjs.cjs'], { cwd: project });
      assert.equal(code, 1);
      assert.match(stderr, /binary for this platform \(\w+-\w+(-\w+)?\) is not installed/);
      assert.ok(stderr.includes(`npm install ${packageName(here)}@${version}`), stderr);
      assert.doesNotMatch(stderr, /wasi/i);
    } finally {
      fs.renameSync(away, path.join(scope, `docker-${here.triple}`));
    }
  });

  it('say why where the binary does not load', async () => {
    assert.ok(here);
    const binary = path.join(project, 'node_modules', packageName(here), binaryName(here));
    fs.renameSync(binary, `${binary}.away`);
    try {
      fs.writeFileSync(binary, 'not a library');
      const { code, stderr } = await run([process.execPath, 'cjs.cjs'], { cwd: project });
      assert.equal(code, 1);
      assert.match(stderr, /binary for this platform \(.*\), @computesdk\/docker-\S+, does not load: \S+/);
    } finally {
      fs.renameSync(`${binary}.away`, binary);
    }
  });
});

describe('the choice of the binary', () => {
  const root = freshFolder('choice');

  after(() => fs.rmSync(root, { recursive: true, force: true }));

  /** Runs a script that can become another machine by `be`. @param {string} script */
  async function pretending(script) {
    const prologue = `
      const be = (machine) => {
        for (const [key, value] of Object.entries(machine)) Object.defineProperty(process, key, { value });
      };
      const load = (name) => require(${JSON.stringify(path.join(ROOT, 'lib'))} + '/' + name);`;
    const { stdout } = await mustRun([process.execPath, '-e', prologue + script], { cwd: root });
    return stdout;
  }

  /** A Node binary as far as it is looked at. @param {string} interpreter */
  function nodeOf(interpreter) {
    const file = path.join(root, path.basename(interpreter));
    fs.writeFileSync(file, `\x7fELF${'\0'.repeat(600)}${interpreter}\0`);
    return file;
  }

  it('finds each published platform', async () => {
    const machines = PLATFORMS.map(({ os: platform, cpu: arch, libc }) => {
      const name = arch === 'x64' ? 'x86_64' : 'aarch64';
      const interpreter = libc === 'musl' ? `/lib/ld-musl-${name}.so.1` : `/lib/ld-linux-${name}.so.2`;
      return { platform, arch, execPath: nodeOf(interpreter) };
    });
    const stdout = await pretending(`
      const { platformTriple } = load('platform.js');
      const found = ${JSON.stringify(machines)}.map((machine) => (be(machine), platformTriple()));
      process.stdout.write(JSON.stringify(found));`);
    assert.deepEqual(
      JSON.parse(stdout),
      PLATFORMS.map(({ triple }) => triple),
    );
  });

  it('names a platform that has none', async () => {
    const stdout = await pretending(`
      be({ platform: 'freebsd', arch: 'riscv64' });
      try { load('native.js') } catch (error) { process.stdout.write(error.message) }`);
    assert.equal(stdout, '@computesdk/docker has no binary for this platform: freebsd-riscv64');
  });
});
