// A running process, as `spawn` and `processes.connect` give it.
'use strict';

const readline = require('node:readline');

const { callSite, settle, unwrap } = require('../call.js');
const { hiddenSlot } = require('../hidden.js');
const { executionResult } = require('../run.js');
const { checkSignalToSend } = require('./arguments.js');
const { letGoUnread, readable, writable } = require('./streams.js');

/** @typedef {import('../native').NativeProcess} NativeProcess */
/** @typedef {import('../call').CallSite} CallSite */
/** @typedef {NodeJS.Signals | number} Signal */

/**
 * @typedef {object} Owner
 * @property {string} sandboxId
 * @property {AbortSignal} [signal] aborting it kills the process
 * @property {() => void} [ended] called when its end is known
 */

/** @type {import('../hidden').Slot<NativeProcess>} */
const native = hiddenSlot('native');
/** @type {import('../hidden').Slot<Owner>} */
const owner = hiddenSlot('owner');
/** @type {import('../hidden').Slot<{ end?: Promise<import('../native').ProcessEnd> }>} */
const known = hiddenSlot('known');

/**
 * The end, asked for once: the addon tells it to the first who asks.
 * @param {SandboxProcess} process @param {CallSite} site
 */
function endOf(process, site) {
  const cell = known.get(process);
  if (!cell.end) {
    const { signal, ended } = owner.get(process);
    cell.end = settle(native.get(process).wait(), site, signal).finally(ended);
  }
  return cell.end;
}

class SandboxProcess {
  /**
   * @param {NativeProcess} handle
   * @param {Owner} owned
   * @param {{ site: CallSite, stdin: 'pipe' | 'none' }} made
   */
  constructor(handle, owned, { site, stdin }) {
    this.pid = handle.pid();
    this.stdin = stdin === 'pipe' ? writable(handle, site) : null;
    this.stdout = readable(handle, 'stdout', site);
    this.stderr = readable(handle, 'stderr', site);
    native.set(this, handle);
    owner.set(this, owned);
    known.set(this, {});
    if (owned.ended) this.stdout.once('close', owned.ended);
  }

  async wait() {
    const site = callSite(this.wait);
    letGoUnread([this.stdout, this.stderr]);
    const { exitCode, durationMs, timedOut } = await endOf(this, site);
    const result = { exitCode, durationMs, timedOut, truncated: false, stdoutBytes: 0, stderrBytes: 0 };
    return { ...executionResult(result, owner.get(this).sandboxId), pid: this.pid };
  }

  /** @param {Signal} [signal] */
  async kill(signal = 'SIGKILL') {
    const site = callSite(this.kill);
    checkSignalToSend(signal);
    const reached = unwrap(native.get(this).signal(signal), site);
    if (signal === 'SIGKILL' || signal === 9) {
      // Killed is killed, whatever its end is called.
      await endOf(this, site).catch(() => undefined);
    }
    return reached;
  }

  /** The lines of standard output. */
  async *[Symbol.asyncIterator]() {
    letGoUnread([this.stderr]);
    const lines = readline.createInterface({ input: this.stdout, crlfDelay: Number.POSITIVE_INFINITY });
    yield* lines;
    // A connection that broke, or an abort, is no ordinary end of the lines.
    await this.wait();
  }
}

// Node.js 20.0 to 20.4 have no such symbol.
if (Symbol.asyncDispose) {
  Object.defineProperty(SandboxProcess.prototype, Symbol.asyncDispose, {
    /** @this {SandboxProcess} */
    async value() {
      await this.kill();
    },
    writable: true,
    configurable: true,
  });
}

module.exports = { SandboxProcess, endOf, native };
