'use strict';

// The network of a private engine: a bridge of its own, so that two engines on one machine (or one beside
// the system's Docker) never touch each other's docker0, addresses or packet filter. dockerd itself is kept
// away from iptables, whose chains all engines of a machine would share; published ports are served by its proxy.

const { createHash } = require('node:crypto');
const { run, say } = require('./install');

/** The pool for networks that are made later; dockerd skips what is in use. */
const ADDRESS_POOL = 'base=10.214.0.0/16,size=24';

/**
 * Interface names hold 15 characters.
 * @param {string} name of the engine
 */
function bridgeName(name) {
  return `csdk-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}

/** @param {string} bridge */
function addressOf(bridge) {
  const listed = JSON.parse(run('ip', ['-4', '-j', 'addr', 'show']));
  const link = listed.find((/** @type {any} */ entry) => entry.ifname === bridge);
  return link?.addr_info?.[0]?.local;
}

function freeSubnet() {
  const used = run('ip', ['-4', '-o', 'addr', 'show']) + run('ip', ['-4', 'route', 'show']);
  for (let third = 0; third < 256; third += 1) {
    if (!used.includes(`10.213.${third}.`)) return `10.213.${third}`;
  }
  throw new Error('no free network is left in 10.213.0.0/16');
}

/** @param {string} bridge @param {string} prefix */
function masquerade(bridge, prefix) {
  return ['POSTROUTING', '-s', `${prefix}.0/24`, '!', '-o', bridge, '-j', 'MASQUERADE'];
}

/**
 * Makes the engine's bridge where it is missing.
 * @param {string} name of the engine
 * @returns {string[]} dockerd's arguments
 */
function up(name) {
  const bridge = bridgeName(name);
  if (!addressOf(bridge)) {
    down(name);
    const prefix = freeSubnet();
    run('ip', ['link', 'add', bridge, 'type', 'bridge']);
    run('ip', ['addr', 'add', `${prefix}.1/24`, 'dev', bridge]);
    run('ip', ['link', 'set', bridge, 'up']);
    try {
      run('iptables', ['-t', 'nat', '-A', ...masquerade(bridge, prefix)]);
    } catch (error) {
      say(`containers of this engine cannot reach other machines: ${/** @type {Error} */ (error).message}`);
    }
  }
  return ['--bridge', bridge, '--iptables=false', '--default-address-pool', ADDRESS_POOL];
}

/**
 * Takes away what `up` made.
 * @param {string} name of the engine
 */
function down(name) {
  const bridge = bridgeName(name);
  const address = addressOf(bridge);
  if (address) quietly('iptables', ['-t', 'nat', '-D', ...masquerade(bridge, address.replace(/\.\d+$/, ''))]);
  quietly('ip', ['link', 'delete', bridge]);
}

/** @param {string} program @param {string[]} args */
function quietly(program, args) {
  try {
    run(program, args);
  } catch {
    // It was not there.
  }
}

module.exports = { down, up };
