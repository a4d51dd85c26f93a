// Looks at everything in its order, and gives up where nothing further can be asked.
'use strict';

const { checkAgent } = require('./agent.js');
const { checkKind, checkLimits, unreachable } = require('./engine.js');
const { note, ok } = require('./finding.js');
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
  const { Docker } = require('../instance/docker.js');
  const { docker, nativeProvider } = require('../provider.js');
  let provider;
  let engine;
  try {
    provider = docker();
    engine = await settle(nativeProvider(provider).engine(), {});
  } catch (error) {
    return { findings: [unreachable(error)] };
  }
  const { name, version, apiVersion, found } = engine;
  const findings = [ok('engine', `${name} ${version}, API ${apiVersion}, at ${found}`)];
  return { engine, findings: [...findings, ...(await examineWork(new Docker(provider), docker))] };
}

/** @param {import('../instance/docker').Docker} engine @param {(config: object) => any} docker */
async function examineWork(engine, docker) {
  /** @type {any} */
  const info = await engine.info().catch((/** @type {Error} */ error) => ({ problem: error.message }));
  const findings = info.problem ? [note('system', info.problem)] : [checkKind(info), ...checkLimits(info)];
  const images = await Promise.all(
    DEFAULT_IMAGES.map(async (name) => ({
      name,
      image: await engine
        .getImage(name)
        .inspect()
        .catch(() => undefined),
    })),
  );
  findings.push(...images.map(({ name, image }) => checkImage(name, image, info.Architecture)));
  findings.push(await checkAgent(docker, images.find(({ image }) => image)?.name));
  return findings;
}

module.exports = { examine };
