// The error classes that callers see, and how a failure of the addon becomes one.
'use strict';

/** @typedef {import('./native').Failure} Failure */

class DockerProviderError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {ErrorOptions} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    this.code = code;
  }
}

class AbortError extends DockerProviderError {
  /** @param {unknown} [cause] what the signal was aborted with */
  constructor(cause) {
    super('ABORT_ERR', 'The operation was aborted', cause === undefined ? undefined : { cause });
  }
}

// On the prototype, as for Node's own errors: not among the fields that inspect lists.
for (const type of [DockerProviderError, AbortError]) {
  Object.defineProperty(type.prototype, 'name', { value: type.name, writable: true, configurable: true });
}

/**
 * @param {string} path such as `args[1]`
 * @param {string} problem
 */
function invalid(path, problem) {
  return new DockerProviderError('ERR_INVALID_CONFIG', `${path}: ${problem}`);
}

/** @param {string[]} messages outermost first */
function causeChain(messages) {
  /** @type {Error | undefined} */
  let cause;
  for (const message of messages.toReversed()) {
    cause = new Error(message, cause && { cause });
    cause.stack = `Error: ${message}`;
  }
  return cause;
}

/** @param {Failure} failure @param {unknown} abortReason */
function fromFailure(failure, abortReason) {
  if (failure.code === 'ABORT_ERR') return new AbortError(abortReason);
  const cause = causeChain(failure.causes);
  const error = new DockerProviderError(failure.code, failure.message, cause && { cause });
  for (const field of /** @type {const} */ (['statusCode', 'reason', 'path', 'syscall'])) {
    if (failure[field] !== undefined) Object.assign(error, { [field]: failure[field] });
  }
  if (failure.json !== undefined) Object.assign(error, { json: JSON.parse(failure.json) });
  return error;
}

module.exports = { AbortError, DockerProviderError, fromFailure, invalid };
