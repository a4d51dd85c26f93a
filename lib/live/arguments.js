// The shapes of what processes and terminals take.
'use strict';

const {
  RUN_OPTIONS,
  checkBoolean,
  checkFunction,
  checkNumber,
  checkOptions,
  checkString,
  checkStrings,
  kind,
} = require('../arguments.js');
const { invalid } = require('../errors.js');
const { checkSignal } = require('../signals.js');

/** What a process whose streams the caller holds takes of a run's options. */
const { cwd, env, timeout, signal, user } = RUN_OPTIONS;
const LIVE_OPTIONS = { cwd, env, timeout, signal, user };
const TERMINAL_OPTIONS = {
  ...LIVE_OPTIONS,
  cols: checkNumber,
  rows: checkNumber,
  shell: checkString,
  onData: checkFunction,
};

/** Linux's highest. */
const LAST_PID = 0x7fffffff;
const LARGEST_SIZE = 65_535;

/**
 * `spawn(command, args?, options?)`: a list after the command makes it a program, without a shell.
 * @param {unknown[]} rest
 */
function spawnArguments(rest) {
  const [first, second] = rest;
  const listed = Array.isArray(first);
  if (listed) checkStrings(first, 'args');
  else if (first !== undefined && first !== null && second !== undefined)
    throw invalid('args', `expected an array of strings before options, got ${kind(first)}`);
  const { signal, ...options } = checkOptions(listed ? second : (first ?? second), LIVE_OPTIONS);
  return { args: listed ? /** @type {string[]} */ (first) : undefined, run: { options, signal } };
}

/** @param {unknown} value @param {string} path @param {number} last */
function checkWhole(value, path, last) {
  checkNumber(value, path);
  if (!Number.isInteger(value) || value < 1 || value > last) {
    throw invalid(path, `expected a whole number from 1 to ${last}, got ${value}`);
  }
}

/** Columns and rows that a terminal can have. @param {{ cols: unknown, rows: unknown }} size */
function checkSize({ cols, rows }) {
  checkWhole(cols, 'cols', LARGEST_SIZE);
  checkWhole(rows, 'rows', LARGEST_SIZE);
  return { cols: Number(cols), rows: Number(rows) };
}

/** @param {unknown} given */
function terminalArguments(given) {
  const { cols = 80, rows = 24, shell, onData, signal, ...options } = checkOptions(given, TERMINAL_OPTIONS);
  return { screen: { ...checkSize({ cols, rows }), shell }, onData, run: { options, signal } };
}

/** @param {unknown} value */
function checkPid(value) {
  checkWhole(value, 'pid', LAST_PID);
}

/** Of a process, by name or number; which ones there are the agent knows. @param {unknown} value */
function checkSignalToSend(value) {
  if (typeof value !== 'number') checkString(value, 'signal');
}

/** Whether the log is to be followed. @param {unknown} pid @param {unknown} options */
function logArguments(pid, options) {
  checkPid(pid);
  return checkOptions(options, { follow: checkBoolean }).follow === true;
}

/** @param {unknown} options @returns {{ timeout?: number, signal?: AbortSignal }} */
function portArguments(options) {
  return checkOptions(options, { timeout: checkNumber, signal: checkSignal });
}

module.exports = {
  checkPid,
  checkSignalToSend,
  checkSize,
  logArguments,
  portArguments,
  spawnArguments,
  terminalArguments,
};
