'use strict';

// A package registry on this machine that serves what scripts/pack.js made, so that package managers resolve, choose
// and unpack as they will after a release. It lists the packages of all platforms; only those packed have a tarball.

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const { createServer } = require('node:http');
const path = require('node:path');
const { PLATFORMS, ROOT } = require('../../scripts/platforms.js');
const { publishedManifest } = require('../../scripts/pack.js');

/** @returns {Array<Record<string, any>>} */
function manifests() {
  const folder = (/** @type {{ triple: string }} */ { triple }) =>
    path.join(ROOT, 'npm', triple, 'package.json');
  const platforms = PLATFORMS.map((platform) => JSON.parse(fs.readFileSync(folder(platform), 'utf8')));
  return [...platforms, publishedManifest()];
}

/** @param {Buffer} bytes */
function checksums(bytes) {
  const hash = (/** @type {string} */ name) => createHash(name).update(bytes);
  return { shasum: hash('sha1').digest('hex'), integrity: `sha512-${hash('sha512').digest('base64')}` };
}

/** @param {Record<string, any>} manifest @param {Buffer} tarball @param {string} url */
function packument(manifest, tarball, url) {
  const { name, version } = manifest;
  const dist = { ...checksums(tarball), tarball: `${url}${name}/-/${version}.tgz` };
  const at = '2026-01-01T00:00:00.000Z';
  return {
    _id: name,
    name,
    'dist-tags': { latest: version },
    time: { created: at, modified: at, [version]: at },
    versions: { [version]: { ...manifest, _id: `${name}@${version}`, dist } },
  };
}

/**
 * @param {Array<{ name: string, file: string }>} packed
 * @returns {Promise<{ url: string, asked: string[], close: () => Promise<void> }>} `asked` lists the tarballs fetched
 */
async function serve(packed) {
  const tarballs = new Map(packed.map(({ name, file }) => [name, fs.readFileSync(file)]));
  const known = new Map(manifests().map((manifest) => [manifest.name, manifest]));
  /** @type {string[]} */
  const asked = [];
  let url = '';
  const server = createServer((request, response) => {
    const wanted = decodeURIComponent(request.url ?? '/').slice(1);
    const [name = '', tarball] = wanted.split('/-/');
    const manifest = known.get(name);
    if (!manifest) return response.writeHead(404).end('{}');
    const bytes = tarballs.get(name);
    if (tarball === undefined) {
      const body = packument(manifest, bytes ?? Buffer.alloc(0), url);
      return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    }
    asked.push(name);
    return bytes ? response.writeHead(200).end(bytes) : response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  url = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}/`;
  const close = () => /** @type {Promise<void>} */ (new Promise((done) => server.close(() => done())));
  return { url, asked, close };
}

module.exports = { serve };
