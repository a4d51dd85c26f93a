'use strict';

// Makes sure that the images of demo, tests and benchmark exist in an engine:
//   node scripts/images.js
// What is there is left alone; otherwise it is pulled where a registry answers, and built from the machine's
// own Debian and npm where none does. The stand-ins carry the official tags and cover two userlands, glibc and BusyBox.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { request } = require('./engine/api');
const { say } = require('./engine/install');
const { importImage, pull } = require('./images/load');
const { nodeFolder, shellLessNodeFolder } = require('./images/node');
const { pythonFolder } = require('./images/python');
const { scratchFolder } = require('./images/scratch');

/**
 * @typedef {object} Image
 * @property {string} tag
 * @property {boolean} official a registry may have it
 * @property {(folder: string) => Promise<void>} fill makes the root filesystem
 * @property {string[]} changes Dockerfile lines for the image's config
 */

const PATH = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** @type {Image[]} */
const IMAGES = [
  {
    tag: 'python:3.11-slim',
    official: true,
    fill: pythonFolder,
    changes: [PATH, 'ENV LANG=C.UTF-8', 'CMD ["python3"]'],
  },
  {
    tag: 'node:20-alpine',
    official: true,
    fill: nodeFolder,
    changes: [PATH, 'ENTRYPOINT ["docker-entrypoint.sh"]', 'CMD ["node"]'],
  },
  // Node without any shell or tool, and one static program alone.
  {
    tag: 'computesdk-test/node-only:1',
    official: false,
    fill: shellLessNodeFolder,
    changes: [PATH, 'CMD ["node"]'],
  },
  {
    tag: 'computesdk-test/scratch:1',
    official: false,
    fill: scratchFolder,
    changes: ['CMD ["/sleep", "3600"]'],
  },
];

/**
 * @param {string} host
 * @param {string[]} [tags] all by default
 */
async function ensureImages(host, tags = IMAGES.map((image) => image.tag)) {
  let registry = true;
  for (const image of IMAGES.filter(({ tag }) => tags.includes(tag))) {
    if (await exists(host, image.tag)) continue;
    if (image.official && registry) {
      const refusal = await pull(host, image.tag);
      if (!refusal) continue;
      registry = false;
      say(`no registry gives ${image.tag} (${refusal}): building stand-ins from this machine's packages`);
    }
    await build(host, image);
  }
}

/** @param {string} host @param {string} tag */
async function exists(host, tag) {
  const { status, text } = await request(host, `/images/${tag}/json`);
  if (status !== 200 && status !== 404) throw new Error(`${tag} cannot be looked up: ${text}`);
  return status === 200;
}

/** @param {string} host @param {Image} image */
async function build(host, image) {
  const began = Date.now();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'computesdk-image-'));
  try {
    // mkdtemp's 0700 would become the mode of the image's root, closed to everyone but root.
    fs.chmodSync(folder, 0o755);
    await image.fill(folder);
    await importImage(host, image.tag, folder, image.changes);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
  say(`built ${image.tag} in ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

if (require.main === module) {
  const { withEngine } = require('./engine');
  withEngine((host) => ensureImages(host)).catch((error) => {
    say(error.message);
    process.exitCode = 1;
  });
}

module.exports = { ensureImages };
