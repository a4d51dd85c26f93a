'use strict';

// npm run test:nextjs: installs and builds examples/nextjs and uses it in a real browser, under `next start` and
// `next dev`. Takes some minutes; needs the package registry and Debian's `chromium` (or CHROMIUM=<path>). Screenshots
// go to target/nextjs-test.
//   npm run test:nextjs                     everything
//   npm run test:nextjs -- --as-built       with the installation and the build that are there

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { withEngine } = require('../../scripts/engine');
const { request } = require('../../scripts/engine/api');
const { ensureImages } = require('../../scripts/images');
const setup = require('../../scripts/setup');
const { mustRun } = require('../package/folders.js');
const { CHECKS } = require('./checks.js');
const { HTTP_CHECKS, compute } = require('./http-checks.js');
const { Page } = require('./page.js');
const { EXAMPLE, NEXT, freePort, sandboxes, serve, until } = require('./server.js');

/** @typedef {{ host: string, port: number, page: Page }} Stage */

/** @param {string} name @param {() => Promise<unknown>} work */
async function step(name, work) {
  const began = Date.now();
  await work();
  console.log(`  passed  ${name}  (${((Date.now() - began) / 1000).toFixed(1)} s)`);
}

/**
 * @param {'start' | 'dev'} mode
 * @param {Stage} stage
 * @param {Record<string, string>} env
 * @param {(url: string) => Promise<void>} work
 */
async function served(mode, { host, port, page }, env, work) {
  const server = await serve(mode, { port, env: { DOCKER_HOST: host, ...env } });
  try {
    await work(server.url);
  } catch (error) {
    await page.shot('failed').catch(() => {});
    console.error(server.printed().slice(-8000));
    throw error;
  } finally {
    await server.stop();
  }
}

/** @param {Stage} stage */
async function production(stage) {
  await served('start', stage, {}, async (url) => {
    await stage.page.open(url);
    const place = { ...stage, url };
    for (const [name, check] of Object.entries(CHECKS)) await step(name, () => check(place));
    for (const [name, check] of Object.entries(HTTP_CHECKS)) await step(name, () => check(place));
  });
}

/** Changes a file of the example for as long as `work` takes. @param {string} name */
async function edited(
  name,
  /** @type {[string, string]} */ [from, to],
  /** @type {() => Promise<void>} */ work,
) {
  const file = path.join(EXAMPLE, name);
  const text = fs.readFileSync(file, 'utf8');
  assert.ok(text.includes(from));
  fs.writeFileSync(file, text.replace(from, to));
  try {
    await work();
  } finally {
    fs.writeFileSync(file, text);
  }
}

/** @param {Stage} stage */
async function development(stage) {
  const { host, page } = stage;
  await served('dev', stage, {}, async (url) => {
    const before = await sandboxes(host);
    assert.equal(before.length, 1);
    const same = async () => assert.deepEqual(await sandboxes(host), before);
    await step('next dev finds the sandbox that next start made', async () => {
      await page.reload();
      await page.page.getByRole('button', { name: 'kept.txt' }).waitFor();
      assert.equal(await page.run('print(open("kept.txt").read())'), 'kept\n');
      await same();
    });
    await step('a reload of the server leaks no sandbox and loses none', async () => {
      const words = 'not accepted since the edit';
      const edit = /** @type {[string, string]} */ (['not accepted by this server', words]);
      const body = { action: 'compute.sandbox.create', options: { image: 'other' } };
      await compute(url, body);
      await edited('lib/sandboxes.ts', edit, async () => {
        await until(
          'the edit is served',
          async () => (await compute(url, body)).error.endsWith(words),
          120_000,
        );
        assert.equal(await page.run('print("after the edit")'), 'after the edit\n');
        await same();
      });
      await page.reload();
      assert.equal(await page.run('print("after a reload")'), 'after a reload\n');
      await same();
    });
    await page.shot('9-dev');
  });
}

/** @param {Stage} stage */
async function idle(stage) {
  await served('start', stage, { SANDBOX_IDLE_SECONDS: '3' }, () =>
    step('sandboxes that nobody uses go, those of an earlier server too', async () => {
      assert.equal((await sandboxes(stage.host)).length, 1);
      await until('none is left', async () => (await sandboxes(stage.host)).length === 0);
    }),
  );
}

async function prepare() {
  const quiet = { cwd: EXAMPLE, env: { NEXT_TELEMETRY_DISABLED: '1' } };
  await step('npm ci', () => mustRun(['npm', 'ci', '--no-audit', '--no-fund'], quiet));
  await step('next build', () => mustRun([process.execPath, NEXT, 'build'], quiet));
}

/** @param {string} host */
async function use(host) {
  const stage = { host, port: await freePort(), page: await Page.launch() };
  try {
    await production(stage);
    await development(stage);
    await stage.page.browser.close();
    await idle(stage);
  } finally {
    await stage.page.browser.close();
    for (const id of await sandboxes(host)) {
      await request(host, `/containers/${id}?force=true&v=true`, { method: 'DELETE' });
    }
  }
}

async function main() {
  await setup.packages();
  await setup.anyAddon();
  await withEngine(async (host) => {
    await ensureImages(host);
    if (!process.argv.includes('--as-built')) await prepare();
    await use(host);
  });
  console.log('npm run test:nextjs: passed');
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
