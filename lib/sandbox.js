// One sandbox, as callers see it. What most programs never call is loaded when it is called.
'use strict';

const { callSite, settle } = require('./call.js');
const {
  checkNumber,
  checkObject,
  checkPort,
  checkString,
  codeArguments,
  commandArguments,
  unknownKey,
} = require('./arguments.js');
const { createContext, takeContext } = require('./context.js');
const { invalid } = require('./errors.js');
const { DockerFileSystem } = require('./filesystem.js');
const { hiddenSlot } = require('./hidden.js');
const { DockerProcesses } = require('./live/processes.js');
const { DockerTerminals } = require('./live/terminal.js');
const { executionResult, runWith } = require('./run.js');

/** @typedef {import('./native').NativeSandbox} NativeSandbox */
/** @typedef {import('./provider').DockerProvider} DockerProvider */

/** @type {import('./hidden').Slot<NativeSandbox>} */
const native = hiddenSlot('native');
/** @type {import('./hidden').Slot<DockerProvider>} */
const owner = hiddenSlot('owner');

class DockerSandbox {
  /** @param {NativeSandbox} handle @param {DockerProvider} provider */
  constructor(handle, provider) {
    this.sandboxId = handle.facts().id;
    this.provider = provider.name;
    this.filesystem = new DockerFileSystem(handle);
    this.processes = new DockerProcesses(handle);
    this.terminal = new DockerTerminals(handle);
    native.set(this, handle);
    owner.set(this, provider);
  }

  /** @param {string} code @param {unknown[]} rest runtime and options, each optional */
  async runCode(code, ...rest) {
    const site = callSite(this.runCode);
    checkString(code, 'code');
    const { context, rest: plain } = takeContext(rest, this.sandboxId);
    const { runtime, run } = codeArguments(plain);
    if (context && runtime && runtime !== context.runtime()) {
      throw invalid('runtime', `the context is one of ${context.runtime()}`);
    }
    const start = (/** @type {import('./native').RunExtras} */ extras) =>
      context ? context.run(code, extras) : native.get(this).runCode(code, runtime, extras);
    const result = await runWith(start, run, site);
    return {
      ...executionResult(result, this.sandboxId),
      output: result.output ?? '',
      language: result.runtime,
      ...(result.value && { result: result.value }),
    };
  }

  /** @param {unknown} [options] */
  async createCodeContext(options) {
    return createContext(native.get(this), options, callSite(this.createCodeContext));
  }

  /** @param {string} command @param {unknown[]} rest args and options, each optional */
  async runCommand(command, ...rest) {
    const site = callSite(this.runCommand);
    checkString(command, 'command');
    const { args, run } = commandArguments(rest);
    const result = await runWith((extras) => native.get(this).runCommand(command, args, extras), run, site);
    return executionResult(result, this.sandboxId);
  }

  /** @param {string} command @param {unknown[]} rest args and options, each optional */
  async spawn(command, ...rest) {
    const site = callSite(this.spawn);
    checkString(command, 'command');
    const { spawn } = require('./live/spawn.js');
    return spawn(native.get(this), command, rest, site);
  }

  async getInfo() {
    const { id, runtime, status, createdMs, timeoutMs, expiresMs, metadata } = await settle(
      native.get(this).info(),
      callSite(this.getInfo),
    );
    return {
      id,
      provider: this.provider,
      runtime,
      status,
      createdAt: new Date(createdMs),
      timeout: timeoutMs,
      ...(expiresMs !== undefined && { expiresAt: new Date(expiresMs) }),
      metadata: JSON.parse(metadata),
    };
  }

  /** @param {{ port: number, protocol?: string }} options */
  async getUrl(options) {
    const site = callSite(this.getUrl);
    checkObject(options, 'options');
    const unknown = Object.keys(options).find((key) => key !== 'port' && key !== 'protocol');
    if (unknown) throw unknownKey('options', unknown, ['port', 'protocol']);
    checkPort(options.port, 'options.port');
    if (options.protocol !== undefined) checkString(options.protocol, 'options.protocol');
    return settle(native.get(this).url(options.port, options.protocol), site);
  }

  getInstance() {
    const { Docker } = require('./instance/docker.js');
    const { id, image, createdMs } = native.get(this).facts();
    const docker = new Docker(owner.get(this));
    const container = docker.getContainer(id);
    return { docker, container, containerId: id, image, createdAt: new Date(createdMs) };
  }

  getProvider() {
    return owner.get(this);
  }

  /** @param {unknown} [options] */
  metrics(options) {
    const site = callSite(this.metrics);
    const { metrics } = require('./metrics.js');
    return metrics(() => settle(native.get(this).metrics(), site), options);
  }

  /** @param {number} ms */
  async extendLifetime(ms) {
    const site = callSite(this.extendLifetime);
    checkNumber(ms, 'ms');
    return new Date(await settle(native.get(this).extendLifetime(ms), site));
  }

  async pause() {
    await settle(native.get(this).pause(), callSite(this.pause));
  }

  async resume() {
    await settle(native.get(this).resume(), callSite(this.resume));
  }

  async destroy() {
    await settle(native.get(this).destroy(), callSite(this.destroy));
  }

  async kill() {
    await settle(native.get(this).destroy(), callSite(this.kill));
  }

  async [Symbol.asyncDispose]() {
    await settle(native.get(this).destroy(), callSite(this[Symbol.asyncDispose]));
  }
}

module.exports = { DockerSandbox };
