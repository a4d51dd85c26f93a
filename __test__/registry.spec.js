'use strict';

// Pulling from a real registry that asks for a password, on an engine of our own.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, afterEach, before, describe, it } = require('node:test');
const { randomBytes } = require('node:crypto');
const { inspect: show } = require('node:util');
const { pack } = require('../bench/contenders/tar.js');
const { ownEngine, whyNoEngine } = require('./support/engine.js');
const {
  IDENTITY_TOKEN,
  PASSWORD,
  REGISTRY_TOKEN,
  Registry,
  USER,
  whyNoRegistry,
} = require('./support/registry.js');

// One attempt for each layer: the engine would otherwise wait out a registry that died for a minute.
const engine = ownEngine('registry', ['--max-download-attempts', '1']);

const { docker } = require('../index.js');
const { containersWith, inspect, remove, witness } = require('./support/docker.js');
const { SCRATCH } = require('./support/images.js');
const { startProxy } = require('./support/proxy.js');
const { rejection, rejections, until, within } = require('./support/wait.js');

/** @typedef {import('../index').DockerConfig} DockerConfig */
/** @typedef {import('../index').ImageConfig} ImageConfig */

const auth = { username: USER, password: PASSWORD };
const obstacle = whyNoEngine() ?? whyNoRegistry();
const registry = new Registry();
const sourceConfig = process.env.DOCKER_CONFIG;

/** @param {string} name with its tag */
const at = (name) => `${registry.host}/${name}`;

/** @param {string} name with its tag @param {string} [from] */
async function push(name, from = SCRATCH) {
  const [repo, tag] = [at(name).slice(0, at(name).lastIndexOf(':')), name.slice(name.lastIndexOf(':') + 1)];
  await witness.getImage(from).tag({ repo, tag });
  const pushing = await witness
    .getImage(at(name))
    .push({ authconfig: { ...auth, serveraddress: registry.host } });
  await new Promise((resolve, reject) => {
    witness.modem.followProgress(pushing, (error) => (error ? reject(error) : resolve(undefined)));
  });
  await witness.getImage(at(name)).remove({ force: true });
}

/** Another image: that one with a label. @param {string} value */
async function labelled(value) {
  const container = await witness.createContainer({ Image: SCRATCH });
  const repo = `csdk-labelled-${value}`;
  await container.commit({ repo, tag: '1', changes: `LABEL value=${value}` });
  await container.remove();
  return `${repo}:1`;
}

/** An image with a layer that no other one has: a megabyte that does not compress. */
async function layered() {
  const container = await witness.createContainer({ Image: SCRATCH });
  const bytes = randomBytes(1 << 20);
  await container.putArchive(pack('noise', bytes), { path: '/' });
  await container.commit({ repo: 'csdk-layered', tag: '1' });
  await container.remove();
  return 'csdk-layered:1';
}

/** @param {string} name @returns {Promise<any>} */
async function imageOf(name) {
  return witness
    .getImage(name)
    .inspect()
    .catch(() => undefined);
}

/** @param {any} error */
function assertNoSecret(error) {
  const told = `${show(error, { depth: 9, showHidden: true })} ${error.stack} ${error.cause?.message}`;
  for (const secret of [PASSWORD, 'wrong-secret', IDENTITY_TOKEN, REGISTRY_TOKEN]) {
    assert.ok(!told.includes(secret), told);
    assert.ok(!told.includes(Buffer.from(`${USER}:${secret}`).toString('base64')), told);
  }
}

/** Logins as the docker command keeps them. @param {object} config */
function dockerConfig(config) {
  const folder = /** @type {string} */ (registry.folder);
  fs.writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
  process.env.DOCKER_CONFIG = folder;
}

/** A credential helper that the PATH leads to. @param {string} name @param {string} script */
function helper(name, script) {
  const folder = /** @type {string} */ (registry.folder);
  fs.writeFileSync(path.join(folder, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

describe('a registry that asks for a password', {
  skip: obstacle && `no registry: ${obstacle}`,
  timeout: 400_000,
}, () => {
  const searched = process.env.PATH;

  before(
    async () => {
      await engine.start(SCRATCH);
      await registry.start();
      await push('team/tool:1', await layered());
      await witness.getImage('csdk-layered:1').remove({ force: true });
      process.env.PATH = `${registry.folder}:${searched}`;
      dockerConfig({});
    },
    { timeout: 180_000 },
  );
  after(async () => {
    process.env.PATH = searched;
    if (sourceConfig === undefined) delete process.env.DOCKER_CONFIG;
    else process.env.DOCKER_CONFIG = sourceConfig;
    await registry.stop();
    await engine.remove();
  });

  // A layer goes with the last container that has it.
  afterEach(async () => {
    registry.release();
    for (const { Id } of await containersWith('com.computesdk.sandbox=true')) await remove(Id);
    for (const name of ['team/tool:1', 'team/moving:1', 'team/multi:1']) {
      if (await imageOf(at(name))) await witness.getImage(at(name)).remove({ force: true });
    }
  });

  /** @param {ImageConfig} image @param {Partial<DockerConfig>} [config] */
  const provider = (image, config) => docker({ image: { name: at('team/tool:1'), ...image }, ...config });
  /** @param {ImageConfig} image */
  const create = (image) => provider(image).sandbox.create();

  describe('what is pulled when', () => {
    it('a missing image is pulled, once', async () => {
      const asked = registry.asksFor('1');
      const sandbox = await create({ auth });
      assert.equal((await inspect(sandbox.sandboxId)).Config.Image, at('team/tool:1'));
      const pulled = registry.asksFor('1');
      assert.ok(pulled > asked);
      await create({ auth });
      assert.equal(registry.asksFor('1'), pulled, 'the registry was asked again');
    });

    it('never asks no registry, and says what to do', async () => {
      const asked = registry.asked.length;
      const error = await rejection(create({ auth, pullPolicy: 'never' }));
      assert.equal(error.code, 'ERR_IMAGE_NOT_FOUND');
      assert.match(error.message, /pullPolicy is 'never'/);
      assert.equal(registry.asked.length, asked);
    });

    it('always takes what the tag means now', async () => {
      const name = at('team/moving:1');
      await push('team/moving:1', await labelled('old'));
      const label = async () => (await imageOf(name))?.Config.Labels.value;
      await create({ name, auth });
      assert.equal(await label(), 'old');
      const old = (await imageOf(name)).Id;
      await witness.getImage(old).tag({ repo: 'csdk-kept', tag: '1' });
      await push('team/moving:1', await labelled('new'));
      await witness.getImage(old).tag({ repo: name.slice(0, -2), tag: '1' });
      await create({ name, auth });
      assert.equal(await label(), 'old', 'ifNotPresent');
      await create({ name, auth, pullPolicy: 'always' });
      assert.equal(await label(), 'new', 'always');
    });

    it('a digest is pulled by its digest', async () => {
      const { digest } = await registry.manifest('team/tool', '1');
      const name = `${at('team/tool')}@${digest}`;
      await create({ name, auth });
      assert.ok((await imageOf(name)).RepoDigests.includes(name));
      await witness.getImage(name).remove({ force: true });
    });

    it('a tag that is not there is told', async () => {
      const error = await rejection(create({ name: at('team/tool:none'), auth }));
      assert.equal(error.code, 'ERR_IMAGE_NOT_FOUND');
      assert.match(error.message, /team\/tool:none/);
    });

    it('a platform is pulled and created for', async () => {
      await pushTwoPlatforms();
      const name = at('team/multi:1');
      // It runs where the machine emulates that processor, and cannot be started where it does not.
      const started = await create({ name, auth, platform: 'linux/arm64' }).catch((error) => error);
      assert.match(started.sandboxId ?? started.message, /^[0-9a-f]{64}$|start container/);
      assert.equal((await imageOf(name)).Architecture, 'arm64');
      const never = await rejection(create({ name, auth, platform: 'linux/amd64', pullPolicy: 'never' }));
      assert.equal(never.code, 'ERR_IMAGE_NOT_FOUND');
      assert.match(never.message, /arm64 only/);
      await create({ name, auth, platform: 'linux/amd64' });
      assert.equal((await imageOf(name)).Architecture, 'amd64');
    });
  });

  /** `team/multi:1` for two processors: the same program, the one of them mislabelled. */
  async function pushTwoPlatforms() {
    await push('team/multi:amd64');
    await registry.relabel('team/multi', { from: 'amd64', to: 'arm64' });
    await registry.list('team/multi', ['amd64', 'arm64'], '1');
  }

  describe('credentials', () => {
    /** @param {ImageConfig} [image] */
    const refused = async (image = {}) => {
      const error = await rejection(create(image));
      assert.equal(error.code, 'ERR_REGISTRY_AUTH', error.message);
      assert.match(error.message, /team\/tool:1/);
      assertNoSecret(error);
      return error.message;
    };

    it('none, or wrong ones, are refused with what to do', async () => {
      dockerConfig({});
      assert.match(
        await refused(),
        /no login at 127\.0\.0\.1:\d+ is known: set image\.auth, or use docker login/,
      );
      assert.match(
        await refused({ auth: { username: USER, password: 'wrong-secret' } }),
        /check image\.auth/,
      );
      assertNoSecret(provider({ auth }));
    });

    it('those for another registry are not sent', async () => {
      dockerConfig({});
      const elsewhere = { ...auth, serveraddress: 'registry.example.com' };
      assert.match(await refused({ auth: elsewhere }), /image\.auth is for another registry/);
      const other = docker({ image: { name: 'registry.example.com/app', auth } });
      const error = await rejection(other.sandbox.create({ image: at('team/tool:1') }));
      assert.equal(error.code, 'ERR_REGISTRY_AUTH', error.message);
      await create({ auth: { ...auth, serveraddress: `http://${registry.host}/v2/` } });
    });

    it("come from the docker command's logins", async () => {
      const login = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
      dockerConfig({ auths: { [registry.host]: { auth: login } } });
      await create({});
    });

    it('come from the credential helper of the registry', async () => {
      dockerConfig({ credHelpers: { [registry.host]: 'csdk-one' }, credsStore: 'csdk-none' });
      helper('csdk-one', `read server; echo '{"Username":"${USER}","Secret":"${PASSWORD}"}'`);
      await create({});
    });

    it('come from the credential store', async () => {
      dockerConfig({ auths: { [registry.host]: {} }, credsStore: 'csdk-store' });
      const answer = `{"ServerURL":"'$server'","Username":"${USER}","Secret":"${PASSWORD}"}`;
      helper('csdk-store', `read server; [ "$server" = ${registry.host} ] && echo '${answer}'`);
      await create({});
    });

    it('that a helper cannot bring are told of, without what it printed', async () => {
      dockerConfig({ credsStore: 'csdk-missing' });
      assert.match(await refused(), /credential helper that \S+config\.json names could not be run/);
      dockerConfig({ credsStore: 'csdk-failing' });
      helper('csdk-failing', 'read server; echo wrong-secret; echo wrong-secret >&2; exit 1');
      assert.match(await refused(), /docker-credential-csdk-failing failed/);
      helper('csdk-failing', 'read server; echo "credentials not found in native keychain"; exit 1');
      assert.match(await refused(), /no login at/);
      dockerConfig({});
    });

    it('may be an identity token or a registry token', async () => {
      registry.mode = 'token';
      const wrong = rejection(create({ auth: { identitytoken: 'wrong-secret' } }));
      assertNoSecret(await wrong);
      await create({ auth: { identitytoken: IDENTITY_TOKEN } });
      await witness.getImage(at('team/tool:1')).remove({ force: true });
      await create({ auth: { registrytoken: REGISTRY_TOKEN } });
      await witness.getImage(at('team/tool:1')).remove({ force: true });
      dockerConfig({ auths: { [registry.host]: { identitytoken: IDENTITY_TOKEN } } });
      await create({});
      dockerConfig({});
    });
  });

  describe('a pull under way', () => {
    /**
     * Two creates that want the same image; the registry holds back its answer until both wait.
     * @param {(two: { first: Promise<any>, second: Promise<any>, abort: () => void }) => Promise<void>} body
     */
    async function twoAtOnce(body) {
      const proxy = await startProxy();
      try {
        const both = provider({ auth }, { connection: { socketPath: proxy.socketPath } });
        registry.mode = 'hold';
        const stop = new AbortController();
        const first = both.sandbox.create({ signal: stop.signal });
        const second = both.sandbox.create();
        for (const one of [first, second]) one.catch(() => undefined);
        const looked = () => proxy.sent(/^GET \/images\/.*\/json/).length === 2;
        await until(() => looked() && registry.asksFor('1') > 0, 'both wait for the pull');
        await body({ first, second, abort: () => stop.abort() });
        assert.equal(proxy.sent(/^POST \/images\/create/).length, 1, 'pulls');
      } finally {
        await proxy.close();
      }
    }

    it('is shared by two creates at once', async () => {
      registry.asked.length = 0;
      await twoAtOnce(async ({ first, second }) => {
        registry.release();
        const made = await within(Promise.all([first, second]), 'both creates');
        assert.equal(new Set(made.map(({ sandboxId }) => sandboxId)).size, 2);
      });
      const layers = registry.asked.filter((line) => line.startsWith('GET') && line.includes('/blobs/'));
      assert.equal(new Set(layers).size, layers.length, 'a layer came twice');
    });

    it('goes on for the other when one is aborted', async () => {
      await twoAtOnce(async ({ first, second, abort }) => {
        abort();
        assert.equal((await within(rejection(first), 'the aborted create')).name, 'AbortError');
        registry.release();
        await within(second, 'the other create');
      });
    });

    it('fails for both when it fails', async () => {
      await twoAtOnce(async ({ first, second }) => {
        registry.release();
        registry.mode = 'break';
        for (const error of await within(rejections([first, second]), 'the creates')) {
          assert.equal(error.code, 'ERR_IMAGE_PULL', error.message);
          assertNoSecret(error);
        }
      });
      registry.release();
      await create({ auth });
    });

    it('tells onPullProgress every step before create settles', async () => {
      /** @type {import('../index').PullProgress[]} */
      const steps = [];
      await create({ auth, onPullProgress: (step) => steps.push(step) });
      const said = steps.map(({ status }) => status);
      assert.match(said[0] ?? '', /^Pulling from/);
      assert.ok(said.at(-1)?.startsWith('Status: Downloaded newer image'), said.join('\n'));
      const layer = steps.find(({ status }) => status === 'Pull complete');
      assert.match(layer?.id ?? '', /^[0-9a-f]{12}$/);
      const loading = steps.find(({ status }) => status === 'Extracting');
      assert.ok(Number(loading?.total) > 100_000 && Number(loading?.current) > 0, show(loading));
    });

    it('is given up when onPullProgress throws', async () => {
      const mine = new Error('enough');
      for (const onPullProgress of [
        () => {
          throw mine;
        },
        async () => {
          throw mine;
        },
      ]) {
        assert.equal(await rejection(create({ auth, pullPolicy: 'always', onPullProgress })), mine);
      }
      const config = /** @type {any} */ ({ image: { onPullProgress: 'no' } });
      assert.throws(() => docker(config), /image\.onPullProgress: expected a function/);
    });
  });
});
