'use strict';

// A host that is going to be killed: does one kind of work without an end, and says "go" when it begins.
//   node host.js KIND CONFIG

const { docker } = require('../../../index.js');

/** @typedef {import('../../../index').DockerConfig} DockerConfig */

/** @type {Record<string, (config: DockerConfig, go: () => void) => Promise<void>>} */
const KINDS = {
  create: async (config, go) => {
    const provider = docker(config);
    go();
    for (;;) await provider.sandbox.create();
  },
  run: async (config, go) => {
    const sandbox = await docker(config).sandbox.create();
    go();
    for (;;) {
      await Promise.all([
        sandbox.runCommand('sleep 0.1 & sleep 0.05'),
        sandbox.runCommand('sleep 1000', { background: true }),
        sandbox.runCode('print(6 * 7)'),
        sandbox.filesystem.writeFile('/tmp/large', Buffer.alloc(20 * 1024 * 1024)),
      ]);
    }
  },
  snapshot: async (config, go) => {
    const provider = docker(config);
    const { sandboxId } = await provider.sandbox.create();
    go();
    for (;;) await provider.snapshot.create(sandboxId, { name: 'killed' });
  },
  pool: async (config, go) => {
    const provider = docker({ ...config, pool: { size: 3 } });
    go();
    for (;;) {
      await provider.sandbox.create();
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  },
  destroy: async (config, go) => {
    const provider = docker(config);
    const sandboxes = await Promise.all([1, 2, 3, 4].map(() => provider.sandbox.create()));
    go();
    for (const sandbox of sandboxes) await sandbox.destroy();
    setInterval(() => undefined, 1000);
  },
};

if (require.main === module) {
  const [kind = '', config = '{}'] = process.argv.slice(2);
  KINDS[kind]?.(JSON.parse(config), () => process.stdout.write('go\n')).catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
}

module.exports = { KINDS };
