// Looks at everything in its order, and gives up where nothing further can be asked.
'use strict';

const { checkAgent } = require('./agent.js');
const { checkKind, checkLimits, unreachable } = require('./engine.js');
const { PATIENCE, note, ok } = require('./finding.js');
const { checkBinary, describeHost } = require('./host.js');
const { DEFAULT_IMAGES, checkImage } = require('./images.js');

/** @typedef {import('./finding').Finding} Finding */
/** @typedef {import('../native').Engine} Engine */

/**
 * @typedef {object} Report
 * @property {boolean} ok no finding is a problem
 * @property {ReturnType<typeof describeHost>} host
 * @property {Engine} [engine]
 * @property {Finding[]} findings
 */

/** @returns {Promise<Report>} */
async function examine() {
  const host = describeHost();
  const binary = checkBinary();
  const { engine, findings } =
    binary.level === 'ok' ? await examineEngine() : { engine: undefined, findings: [] };
  const all = [binary, ...findings];
  return { ok: all.every(({ level }) => level !== 'problem'), host, engine, findings: all };
}

/** @returns {Promise<{ engine?: Engine, findings: Finding[] }>} */
async function examineEngine() {
  // Loaded late: without its binary the package cannot be.
  const { settle } = require('../call.js');
  const { docker, nativeProvider } = require('../provider.js');
  const connection = { timeout: PATIENCE };
  /** @type {Engine | undefined} */
  let engine;
  /** @type {Finding[]} */
  const findings = [];
  try {
    const provider = docker({ connection });
    engine = await settle(nativeProvider(provider).engine(), {});
    const { name, version, apiVersion, found } = engine;
    findings.push(ok('engine', `${name} ${version}, API ${apiVersion}, at ${found}`));
    const image = await examineImages(provider, findings);
    findings.push(await checkAgent((config) => docker({ ...config, connection }), image));
  } catch (error) {
    findings.push(unreachable(error));
  }
  return { engine, findings };
}

/**
 * @param {import('../provider').DockerProvider} provider
 * @param {Finding[]} findings gets what is found
 * @returns {Promise<string | undefined>} one of the default images that is there
 */
async function examineImages(provider, findings) {
  const { Docker } = require('../instance/docker.js');
  const engine = new Docker(provider);
  const { told: info, refused } = await ask(engine.info());
  findings.push(...(info ? [checkKind(info), ...checkLimits(info)] : [note('system', refused)]));
  const images = await Promise.all(
    DEFAULT_IMAGES.map(async (name) => ({ name, image: (await ask(engine.getImage(name).inspect())).told })),
  );
  findings.push(...images.map(({ name, image }) => checkImage(name, image, info?.Architecture)));
  return images.find(({ image }) => image)?.name;
}

/**
 * What an engine refuses to tell is passed by; one that does not answer at all is the end of the examination.
 * @param {Promise<any>} question
 */
async function ask(question) {
  try {
    return { told: await question, refused: '' };
  } catch (error) {
    const { code, message } = /** @type {any} */ (error);
    if (code === 'ERR_DOCKER_UNREACHABLE') throw error;
    return { refused: message };
  }
}

module.exports = { examine };
