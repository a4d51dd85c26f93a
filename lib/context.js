// Code contexts: interpreters that stay, so that one `runCode` finds what another left.
'use strict';

const { checkOptions, checkString, RUN_OPTIONS } = require('./arguments.js');
const { settle, callSite } = require('./call.js');
const { invalid } = require('./errors.js');
const { hiddenSlot } = require('./hidden.js');

/** @typedef {import('./native').NativeContext} NativeContext */
/** @typedef {import('./native').NativeSandbox} NativeSandbox */

/** @type {import('./hidden').Slot<NativeContext | undefined>} */
const native = hiddenSlot('native');
/** @type {import('./hidden').Slot<string>} */
const home = hiddenSlot('home');

const { cwd, env, user } = RUN_OPTIONS;
const CONTEXT_OPTIONS = { runtime: checkString, cwd, env, user };

class CodeContext {
  /** @param {NativeContext} handle @param {string} sandboxId */
  constructor(handle, sandboxId) {
    this.runtime = handle.runtime();
    native.set(this, handle);
    home.set(this, sandboxId);
  }

  async restart() {
    await settle(/** @type {NativeContext} */ (native.get(this)).restart(), callSite(this.restart));
  }

  async remove() {
    await settle(/** @type {NativeContext} */ (native.get(this)).remove(), callSite(this.remove));
  }
}

// Node.js 20.0 to 20.4 have no such symbol.
if (Symbol.asyncDispose) {
  Object.defineProperty(CodeContext.prototype, Symbol.asyncDispose, {
    /** @this {CodeContext} */
    async value() {
      await this.remove();
    },
    writable: true,
    configurable: true,
  });
}

/**
 * @param {NativeSandbox} sandbox
 * @param {unknown} options
 * @param {import('./call').CallSite} site
 */
async function createContext(sandbox, options, site) {
  const { runtime, ...rest } = checkOptions(options, CONTEXT_OPTIONS);
  const handle = await settle(sandbox.createContext(runtime, { options: rest }), site);
  return new CodeContext(handle, sandbox.facts().id);
}

/**
 * The context among the arguments of `runCode`, and these without it.
 * @param {unknown[]} rest runtime and options, each optional
 * @param {string} sandboxId
 * @returns {{ context?: NativeContext, rest: unknown[] }}
 */
function takeContext(rest, sandboxId) {
  const at = rest.findIndex((value) => value !== null && typeof value === 'object' && 'context' in value);
  if (at < 0) return { rest };
  const { context, ...options } = /** @type {{ context: unknown }} */ (rest[at]);
  const without = rest.with(at, options);
  if (context === undefined) return { rest: without };
  const handle = context !== null && typeof context === 'object' ? native.get(context) : undefined;
  if (!handle) throw invalid('options.context', 'expected what createCodeContext answered');
  if (home.get(/** @type {object} */ (context)) !== sandboxId) {
    throw invalid('options.context', 'it is a context of another sandbox');
  }
  return { context: handle, rest: without };
}

module.exports = { createContext, takeContext };
