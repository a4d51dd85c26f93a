// `sandbox.terminal`: interactive terminals.
'use strict';

const { StringDecoder } = require('node:string_decoder');

const { checkContent } = require('../arguments.js');
const { callSite, settle, unwrap } = require('../call.js');
const { hiddenSlot } = require('../hidden.js');
const { executionResult } = require('../run.js');
const { checkSignalToSend, checkSize, terminalArguments } = require('./arguments.js');

/** @typedef {import('../native').NativeProcess} NativeProcess */
/** @typedef {import('../native').NativeSandbox} NativeSandbox */
/** @typedef {(data: string) => unknown} OnData */

/** @type {import('../hidden').Slot<NativeProcess>} */
const native = hiddenSlot('native');
/** @type {import('../hidden').Slot<NativeSandbox>} */
const sandbox = hiddenSlot('sandbox');
/** @type {import('../hidden').Slot<{ sandboxId: string, end: () => Promise<import('../native').ProcessEnd> }>} */
const inner = hiddenSlot('inner');

/**
 * Hands all that is shown to the callback, characters whole; a callback that fails ends the terminal.
 * @param {NativeProcess} handle @param {OnData} onData @param {import('../call').CallSite} site
 */
async function show(handle, onData, site) {
  const decoder = new StringDecoder('utf8');
  try {
    for (;;) {
      const bytes = await settle(handle.read('stdout'), site);
      const text = bytes ? decoder.write(bytes) : decoder.end();
      if (text) await onData(text);
      if (!bytes) return;
    }
  } catch (error) {
    handle.discard('stdout');
    handle.signal('SIGKILL');
    throw error;
  }
}

/** @template T @param {() => T} make */
function once(make) {
  /** @type {{ made: T } | undefined} */
  let kept;
  return () => {
    kept ??= { made: make() };
    return kept.made;
  };
}

class SandboxTerminal {
  /**
   * @param {NativeProcess} handle
   * @param {string} sandboxId
   * @param {() => Promise<import('../native').ProcessEnd>} end
   */
  constructor(handle, sandboxId, end) {
    this.pid = handle.pid();
    native.set(this, handle);
    inner.set(this, { sandboxId, end });
  }

  /** @param {string | Uint8Array} data */
  async write(data) {
    const site = callSite(this.write);
    await settle(native.get(this).write(checkContent(data, 'data')), site);
  }

  /** @param {{ cols: number, rows: number } | number} size @param {number} [rows] */
  async resize(size, rows) {
    const wanted = checkSize(typeof size === 'object' && size !== null ? size : { cols: size, rows });
    native.get(this).resize(wanted.cols, wanted.rows);
  }

  /** @param {NodeJS.Signals | number} [signal] */
  async kill(signal = 'SIGKILL') {
    checkSignalToSend(signal);
    const reached = unwrap(native.get(this).signal(signal), callSite(this.kill));
    if (signal === 'SIGKILL' || signal === 9) {
      // Killed is killed, whatever its end is called.
      await inner
        .get(this)
        .end()
        .catch(() => undefined);
    }
    return reached;
  }

  async wait() {
    const { sandboxId, end } = inner.get(this);
    const { exitCode, durationMs, timedOut } = await end();
    const result = { exitCode, durationMs, timedOut, truncated: false, stdoutBytes: 0, stderrBytes: 0 };
    return { ...executionResult(result, sandboxId), pid: this.pid };
  }
}

// Node.js 20.0 to 20.4 have no such symbol.
if (Symbol.asyncDispose) {
  Object.defineProperty(SandboxTerminal.prototype, Symbol.asyncDispose, {
    /** @this {SandboxTerminal} */
    async value() {
      await this.kill();
    },
    writable: true,
    configurable: true,
  });
}

class DockerTerminals {
  /** @param {NativeSandbox} handle */
  constructor(handle) {
    sandbox.set(this, handle);
  }

  /** @param {Record<string, unknown>} [options] */
  async create(options) {
    const site = callSite(this.create);
    const { screen, onData, run } = terminalArguments(options);
    const box = sandbox.get(this);
    const { started } = require('./start.js');
    const { handle, ended } = await started((extras) => box.openTerminal(screen, extras), run, site);
    const shown = onData ? show(handle, onData, site) : handle.discard('stdout');
    // Told by wait().
    Promise.resolve(shown).catch(() => undefined);
    const end = once(() =>
      Promise.all([shown, settle(handle.wait(), site, run.signal)])
        .then(([, how]) => how)
        .finally(ended),
    );
    return new SandboxTerminal(handle, box.facts().id, end);
  }
}

module.exports = { DockerTerminals };
