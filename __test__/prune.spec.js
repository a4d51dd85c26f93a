'use strict';

// What hosts that died have left behind, on an engine of its own: prune takes what is on the engine, whoever made it.

const { ownEngine, whyNoEngine } = require('./support/engine.js');

const obstacle = whyNoEngine();
const engine = ownEngine('prune');

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');
const { docker } = require('../index.js');
const { exists, witness } = require('./support/docker.js');
const { PYTHON } = require('./support/images.js');
const { SUITE_TIMEOUT } = require('./support/sandboxes.js');

describe('prune', { timeout: SUITE_TIMEOUT, skip: obstacle }, () => {
  before(() => engine.start(PYTHON));
  after(() => engine.remove());
  const nothing = { sandboxes: [], poolMembers: [], helpers: [], volumes: [] };
  const agent = { 'com.computesdk.agent': 'true' };

  /** @param {Record<string, any>} options */
  async function container(options) {
    const { id } = await witness.createContainer({ Image: PYTHON, Cmd: ['sleep', '600'], ...options });
    return id;
  }

  it('takes what is not running, what is old, or all, and never what is foreign', async () => {
    const provider = docker({ cleanup: 'never' });
    const [running, stopped] = [await provider.sandbox.create(), await provider.sandbox.create()];
    await stopped.destroy();
    const foreign = await container({});
    const helper = await container({ Labels: agent });
    await witness.createVolume({ Name: 'computesdk-agent-000000000000-x86_64', Labels: agent });
    await witness.createVolume({ Name: 'foreign' });
    const old = { ...nothing, volumes: ['computesdk-agent-000000000000-x86_64'] };
    // Younger than a minute: it may be about to start.
    assert.deepEqual(await provider.sandbox.prune(), old);
    assert.deepEqual(await provider.sandbox.prune({ olderThan: 3_600_000 }), nothing);
    assert.ok(await exists(running.sandboxId));
    const all = await provider.sandbox.prune({ all: true });
    assert.deepEqual(new Set(all.sandboxes), new Set([running.sandboxId, stopped.sandboxId]));
    assert.deepEqual(all.helpers, [helper]);
    assert.match(all.volumes.join(), /^computesdk-agent-[0-9a-f]{12}-\w+$/);
    for (const id of [running.sandboxId, stopped.sandboxId, helper]) assert.equal(await exists(id), false);
    assert.ok(await exists(foreign));
    const { Volumes } = await witness.listVolumes();
    const left = Volumes.map((volume) => volume.Name).filter((name) => !/^[0-9a-f]{64}$/.test(name));
    assert.deepEqual(left, ['foreign']);
    // Which is filled again, by a provider that takes it for filled, too.
    const next = await provider.sandbox.create();
    assert.equal((await next.getInfo()).metadata.session, 'agent');
    assert.deepEqual((await provider.sandbox.prune({ all: true })).sandboxes, [next.sandboxId]);
  });

  it('leaves an agent volume that is in use', async () => {
    const name = 'computesdk-agent-111111111111-x86_64';
    await witness.createVolume({ Name: name, Labels: agent });
    const user = await container({ HostConfig: { Binds: [`${name}:/x`] } });
    assert.deepEqual(await docker().sandbox.prune(), nothing);
    await witness.getContainer(user).remove({ force: true });
    assert.deepEqual(await docker().sandbox.prune(), { ...nothing, volumes: [name] });
  });
});
