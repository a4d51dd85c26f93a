// The engine: why it cannot be reached, and what it can and cannot do. Pure: what to ask is `examine`'s business.
'use strict';

const { note, ok, problem, warning } = require('./finding.js');

/** @typedef {import('./finding').Finding} Finding */

/** What to do, by what the error says. @type {Array<[RegExp, string]>} */
const ADVICE = [
  [/ssh ended/, 'make `ssh HOST docker version` work without a password: keys in ~/.ssh, or ssh-agent'],
  [
    /permission denied/i,
    'let this user use Docker: sudo usermod -aG docker $USER, then log in again; or use rootless Docker',
  ],
  [
    /certificate/i,
    'check connection.ca, or ca.pem in DOCKER_CERT_PATH: it must be what signed the certificate',
  ],
  [/does not speak TLS/, 'unset DOCKER_TLS_VERIFY, or use the port that speaks TLS (usually 2376)'],
  [/the proxy/, 'check HTTP_PROXY and HTTPS_PROXY, or name the engine in NO_PROXY'],
  [/did not answer within/, 'the engine hangs or is overloaded: look at its log, or restart it'],
  [/no Docker engine/, 'check the address: something else answers there'],
  [/or newer is needed/, 'use Docker 20.10 or newer'],
  [
    /no such socket|nothing listens/,
    'start Docker (sudo systemctl start docker, or Docker Desktop), or set DOCKER_HOST',
  ],
];

/** @param {any} error what asking the engine for its version failed with @returns {Finding} */
function unreachable(error) {
  const known = ADVICE.find(([pattern]) => pattern.test(error.message));
  const general =
    error.code === 'ERR_INVALID_CONFIG' ? 'correct it' : 'check DOCKER_HOST and `docker version`';
  return problem('engine', error.message, known?.[1] ?? general);
}

/** @param {any} info what `docker info` tells @returns {Finding} */
function checkKind(info) {
  if (info.OSType && info.OSType !== 'linux') {
    return problem(
      'system',
      `the engine runs ${info.OSType} containers`,
      'switch Docker Desktop to Linux containers',
    );
  }
  const {
    OperatingSystem: system = 'Linux',
    Architecture: processor = 'unknown',
    KernelVersion: kernel = '',
  } = info;
  const text = `${system}, kernel ${kernel}, ${processor}`;
  if (/^(x86_64|amd64|aarch64|arm64)$/.test(processor)) return ok('system', text);
  return warning(
    'system',
    text,
    'there is no agent for this processor: commands go by docker exec, about 70 ms each',
  );
}

/** The limits of the config and the field of `docker info` that says whether they work. */
const LIMITS = /** @type {const} */ ([
  ['MemoryLimit', 'memory'],
  ['SwapLimit', 'memorySwap'],
  ['CpuCfsQuota', 'nanoCPUs and cpuQuota'],
  ['PidsLimit', 'pidsLimit'],
]);

/** @param {any} info what `docker info` tells @returns {Finding[]} */
function checkLimits(info) {
  const version = `cgroup v${info.CgroupVersion ?? '1'}, driver ${info.CgroupDriver ?? 'none'}`;
  const rootless = (info.SecurityOptions ?? []).some((/** @type {string} */ option) =>
    option.includes('rootless'),
  );
  const missing = LIMITS.filter(([field]) => info[field] === false).map(([, name]) => name);
  const findings = [];
  if (missing.length === 0) {
    findings.push(ok('limits', `${version}; memory, swap, CPU and process limits work`));
  } else {
    const advice = rootless
      ? 'rootless Docker needs cgroup v2 with delegation: https://docs.docker.com/engine/security/rootless/'
      : "turn on the kernel's cgroup controllers, for memory and swap: cgroup_enable=memory swapaccount=1";
    findings.push(warning('limits', `${version}; without effect: ${missing.join(', ')}`, advice));
  }
  if (rootless) findings.push(note('limits', 'the engine is rootless: ports below 1024 cannot be published'));
  return findings;
}

module.exports = { checkKind, checkLimits, unreachable };
