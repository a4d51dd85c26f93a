// The shapes of arguments: what is not a string, a list, a number where one belongs is refused by name, before
// anything runs. Meaning (ranges, known runtimes, paths) is the addon's business.
'use strict';

const { invalid } = require('./errors.js');
const { checkSignal } = require('./signals.js');

/** @param {unknown} value */
function kind(value) {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return typeof value === 'object' ? 'an object' : typeof value;
}

/** @param {unknown} value @param {string} path @returns {asserts value is string} */
function checkString(value, path) {
  if (typeof value !== 'string') throw invalid(path, `expected a string, got ${kind(value)}`);
}

/** @param {unknown} value @param {string} path @returns {asserts value is number} */
function checkNumber(value, path) {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw invalid(path, `expected a number, got ${kind(value)}`);
  }
}

/** @param {unknown} value @param {string} path @returns {asserts value is boolean} */
function checkBoolean(value, path) {
  if (typeof value !== 'boolean') throw invalid(path, `expected true or false, got ${kind(value)}`);
}

/** @param {unknown} value @param {string} path */
function checkFunction(value, path) {
  if (typeof value !== 'function') throw invalid(path, `expected a function, got ${kind(value)}`);
}

/** @param {unknown} value @param {string} path @returns {asserts value is string[]} */
function checkStrings(value, path) {
  if (!Array.isArray(value)) throw invalid(path, `expected an array of strings, got ${kind(value)}`);
  for (const [at, item] of value.entries()) checkString(item, `${path}[${at}]`);
}

/** @param {unknown} value @param {string} path @returns {asserts value is Record<string, unknown>} */
function checkObject(value, path) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalid(path, `expected an object, got ${kind(value)}`);
  }
}

/** @param {unknown} value @param {string} path */
function checkPort(value, path) {
  checkNumber(value, path);
  if (!Number.isInteger(value) || value < 1 || value > 65535) {
    throw invalid(path, `expected a port from 1 to 65535, got ${value}`);
  }
}

/** A string, or bytes of any view or buffer as a `Uint8Array` over the same memory.
 * @param {unknown} value @param {string} path @returns {string | Uint8Array} */
function checkContent(value, path) {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (Object.prototype.toString.call(value) === '[object ArrayBuffer]') {
    return new Uint8Array(/** @type {ArrayBuffer} */ (value));
  }
  throw invalid(path, `expected a string or bytes, got ${kind(value)}`);
}

/** @param {unknown} value @param {string} path @returns {Record<string, string>} */
function checkEnv(value, path) {
  checkObject(value, path);
  /** @type {Record<string, string>} */
  const env = {};
  for (const [name, item] of Object.entries(value)) {
    if (item === undefined) continue;
    checkString(item, `${path}.${name}`);
    env[name] = item;
  }
  return env;
}

/** @param {string} a @param {string} b how many edits turn one into the other */
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, change);
    }
    row = next;
  }
  return row[b.length];
}

/**
 * An error for a key that nobody reads, naming the one that was probably meant.
 * @param {string} path
 * @param {string} key
 * @param {string[]} known
 */
function unknownKey(path, key, known) {
  const near = known
    .map((name) => ({ name, edits: distance(key.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits)[0];
  const hint =
    near && near.edits <= Math.max(1, key.length / 3)
      ? `did you mean '${near.name}'?`
      : `expected one of ${known.join(', ')}`;
  return invalid(`${path}.${key}`, `unknown key '${key}', ${hint}`);
}

/** @type {Record<string, (value: unknown, path: string) => unknown>} */
const RUN_OPTIONS = {
  cwd: checkString,
  env: checkEnv,
  timeout: checkNumber,
  background: checkBoolean,
  onStdout: checkFunction,
  onStderr: checkFunction,
  signal: checkSignal,
  user: checkString,
  stdin: checkContent,
  maxOutputBytes: checkNumber,
};

/**
 * @typedef {object} CheckedRun
 * @property {import('./native').RunOptions} options what the addon reads
 * @property {AbortSignal} [signal]
 * @property {(text: string) => unknown} [onStdout]
 * @property {(text: string) => unknown} [onStderr]
 */

/** @param {Record<string, unknown>} options */
function refuseBackgroundOutput(options) {
  const clash = ['onStdout', 'onStderr', 'stdin'].find((key) => options[key] !== undefined);
  if (!options.background || !clash) return;
  const advice = 'use sandbox.spawn, or sandbox.processes.logs(pid)';
  throw invalid(`options.${clash}`, `a background command outlives the call and has no streams; ${advice}`);
}

/**
 * The options that are given, each checked by its own check; any other is refused.
 * @param {unknown} given @param {Record<string, (value: unknown, path: string) => unknown>} checks
 */
function checkOptions(given, checks) {
  /** @type {Record<string, any>} */
  const checked = {};
  if (given === undefined || given === null) return checked;
  checkObject(given, 'options');
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(checks, key)) throw unknownKey('options', key, Object.keys(checks));
    if (value === undefined) continue;
    checked[key] = checks[key](value, `options.${key}`) ?? value;
  }
  return checked;
}

/** @param {unknown} given @returns {CheckedRun} */
function checkRunOptions(given) {
  if (given === undefined || given === null) return { options: {} };
  const checked = checkOptions(given, RUN_OPTIONS);
  refuseBackgroundOutput(checked);
  const { signal, onStdout, onStderr, ...options } = checked;
  return /** @type {CheckedRun} */ ({ options, signal, onStdout, onStderr });
}

/**
 * The two call shapes of `runCommand`: a list after the command is its arguments, an object its options.
 * @param {unknown[]} rest
 */
function commandArguments(rest) {
  const [first, second] = rest;
  if (first === undefined || first === null) return { args: [], run: checkRunOptions(second) };
  if (!Array.isArray(first) && typeof first === 'object') {
    if (second !== undefined)
      throw invalid('args', 'expected an array of strings before options, got an object');
    return { args: [], run: checkRunOptions(first) };
  }
  checkStrings(first, 'args');
  return { args: first, run: checkRunOptions(second) };
}

/**
 * `runCode(code, runtime?, options?)`, and options in the place of the runtime.
 * @param {unknown[]} rest
 */
function codeArguments(rest) {
  const [first, second] = rest;
  if (first !== null && typeof first === 'object' && second === undefined) {
    return { runtime: undefined, run: checkRunOptions(first) };
  }
  if (first === undefined || first === null) return { runtime: undefined, run: checkRunOptions(second) };
  checkString(first, 'runtime');
  return { runtime: first, run: checkRunOptions(second) };
}

/** Permission bits, as Node takes them. @param {unknown} value @param {string} path @returns {number} */
function checkMode(value, path) {
  const mode = typeof value === 'string' && /^[0-7]{1,4}$/.test(value) ? Number.parseInt(value, 8) : value;
  if (typeof mode !== 'number' || !Number.isInteger(mode) || mode < 0 || mode > 0o7777) {
    throw invalid(path, `expected permission bits such as 0o755 or '755', got ${String(value)}`);
  }
  return mode;
}

/** @param {unknown} value @param {string} path */
function checkCount(value, path) {
  if (!Number.isSafeInteger(value) || Number(value) < 0) {
    throw invalid(path, `expected a whole number, 0 or more, got ${String(value)}`);
  }
}

module.exports = {
  RUN_OPTIONS,
  checkBoolean,
  checkContent,
  checkCount,
  checkFunction,
  checkMode,
  checkNumber,
  checkObject,
  checkOptions,
  checkPort,
  checkString,
  checkStrings,
  codeArguments,
  commandArguments,
  kind,
  unknownKey,
};
