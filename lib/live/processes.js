// `sandbox.processes`: what runs in the sandbox, and background commands by their pid.
'use strict';

const { StringDecoder } = require('node:string_decoder');

const { checkPort } = require('../arguments.js');
const { callSite, settle } = require('../call.js');
const { hiddenSlot } = require('../hidden.js');
const { executionResult } = require('../run.js');
const { withSignal } = require('../signals.js');
const { checkPid, checkSignalToSend, logArguments, portArguments } = require('./arguments.js');

/** @typedef {import('../native').NativeProcess} NativeProcess */
/** @typedef {import('../native').NativeSandbox} NativeSandbox */
/** @typedef {import('../call').CallSite} CallSite */

/** @type {import('../hidden').Slot<NativeSandbox>} */
const native = hiddenSlot('native');

const STREAMS = /** @type {const} */ (['stdout', 'stderr']);

/**
 * The output of a followed command, as it comes. Leaving the loop lets go of it.
 * @param {Promise<NativeProcess>} connecting @param {CallSite} site
 */
async function* follow(connecting, site) {
  const handle = await connecting;
  const next = async (/** @type {'stdout' | 'stderr'} */ stream) => ({
    stream,
    bytes: await settle(handle.read(stream), site),
  });
  const pending = new Map(STREAMS.map((stream) => [stream, next(stream)]));
  const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
  try {
    while (pending.size > 0) {
      const { stream, bytes } = await Promise.race(pending.values());
      if (bytes) pending.set(stream, next(stream));
      else pending.delete(stream);
      const data = bytes ? decoders[stream].write(bytes) : decoders[stream].end();
      if (data) yield { stream, data };
    }
  } finally {
    for (const read of pending.values()) read.catch(() => undefined);
    handle.close();
  }
}

class DockerProcesses {
  /** @param {NativeSandbox} handle */
  constructor(handle) {
    native.set(this, handle);
  }

  async list() {
    const all = await settle(native.get(this).listProcesses(), callSite(this.list));
    return all.map(({ startedMs, cpuMs, ...rest }) => ({
      ...rest,
      startedAt: new Date(startedMs),
      cpuTime: cpuMs,
    }));
  }

  /** @param {number} pid @param {NodeJS.Signals | number} [signal] */
  async kill(pid, signal = 'SIGKILL') {
    const site = callSite(this.kill);
    checkPid(pid);
    checkSignalToSend(signal);
    await settle(native.get(this).killProcess(pid, signal), site);
  }

  /** @param {number} pid */
  async wait(pid) {
    const site = callSite(this.wait);
    checkPid(pid);
    const { exitCode, durationMs } = await settle(native.get(this).waitProcess(pid), site);
    const result = {
      exitCode,
      durationMs,
      timedOut: false,
      truncated: false,
      stdoutBytes: 0,
      stderrBytes: 0,
    };
    return { ...executionResult(result, native.get(this).facts().id), pid };
  }

  /** @param {number} pid @param {unknown} [options] @returns {any} */
  logs(pid, options) {
    const site = callSite(this.logs);
    const follows = logArguments(pid, options);
    if (!follows) return settle(native.get(this).readLog(pid), site);
    return follow(settle(native.get(this).connect(pid), site), site);
  }

  /** @param {number} pid */
  async connect(pid) {
    const site = callSite(this.connect);
    checkPid(pid);
    const handle = await settle(native.get(this).connect(pid), site);
    const sandboxId = native.get(this).facts().id;
    const { SandboxProcess } = require('./process.js');
    return new SandboxProcess(handle, { sandboxId }, { site, stdin: 'none' });
  }

  /** @param {number} port @param {unknown} [options] */
  async waitForPort(port, options) {
    const site = callSite(this.waitForPort);
    checkPort(port, 'port');
    const { timeout, signal } = portArguments(options);
    await withSignal(signal, (cancel) =>
      settle(native.get(this).waitForPort(port, timeout, cancel), site, signal),
    );
  }
}

module.exports = { DockerProcesses };
