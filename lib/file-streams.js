// Files as Node streams. The addon reads no further ahead than a window, and takes no more than there is room for: so a
// slow end slows the other one.
'use strict';

const { Readable, Writable, addAbortSignal } = require('node:stream');

const { settle } = require('./call.js');
const { checkCount, checkMode, checkOptions, checkString } = require('./arguments.js');
const { invalid } = require('./errors.js');
const { checkSignal } = require('./signals.js');

/** @typedef {import('./native').NativeSandbox} NativeSandbox */
/** @typedef {import('./call').CallSite} CallSite */

/** @param {unknown} value @param {string} path */
function checkEncoding(value, path) {
  if (value !== null && (typeof value !== 'string' || !Buffer.isEncoding(value))) {
    throw invalid(path, `expected an encoding that Buffer knows, got ${String(value)}`);
  }
}

/** @param {unknown} value @param {string} path */
function checkFlags(value, path) {
  if (value !== 'w' && value !== 'a') {
    throw invalid(path, `expected 'w' to replace or 'a' to append, got ${String(value)}`);
  }
}

const COMMON = { encoding: checkEncoding, highWaterMark: checkCount, signal: checkSignal };
const READ = { ...COMMON, start: checkCount, end: checkCount };
const WRITE = { ...COMMON, flags: checkFlags, mode: checkMode };

/** Node takes an encoding in the place of options. @param {unknown} options */
function named(options) {
  return typeof options === 'string' ? { encoding: options } : options;
}

/**
 * @template {Readable | Writable} T
 * @param {AbortSignal | undefined} signal
 * @param {T} stream
 * @returns {T}
 */
function until(signal, stream) {
  if (signal) addAbortSignal(signal, stream);
  return stream;
}

/** @param {NativeSandbox} sandbox @param {string} path @param {unknown} options @param {CallSite} site */
function readStream(sandbox, path, options, site) {
  checkString(path, 'path');
  const { encoding, highWaterMark, signal, start = 0, end } = checkOptions(named(options), READ);
  if (end !== undefined && end < start) throw invalid('options.end', `expected ${start} or more, got ${end}`);
  const source = sandbox.readStream(path, start, end === undefined ? undefined : end - start + 1);
  const stream = new Readable({
    encoding: encoding ?? undefined,
    highWaterMark,
    read() {
      settle(source.next(), site).then(
        (bytes) => this.push(bytes),
        (error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      source.close();
      done(error);
    },
  });
  return until(signal, stream);
}

/** @param {NativeSandbox} sandbox @param {string} path @param {unknown} options @param {CallSite} site */
function writeStream(sandbox, path, options, site) {
  checkString(path, 'path');
  const { encoding, highWaterMark, signal, flags = 'w', mode } = checkOptions(named(options), WRITE);
  const sink = sandbox.writeStream(path, flags === 'a', mode);
  /** @param {Promise<import('./native').Outcome<void>>} pending @param {(error?: Error | null) => void} done */
  const pass = (pending, done) => {
    settle(pending, site).then(() => done(), done);
  };
  const stream = new Writable({
    defaultEncoding: encoding ?? undefined,
    highWaterMark,
    // Opens the file before anything is written, as Node does: an empty one comes about too.
    construct(done) {
      pass(sink.open(), done);
    },
    write(chunk, _encoding, done) {
      pass(sink.write(chunk), done);
    },
    writev(chunks, done) {
      pass(sink.write(Buffer.concat(chunks.map(({ chunk }) => chunk))), done);
    },
    final(done) {
      pass(sink.finish(), done);
    },
    destroy(error, done) {
      sink.close();
      done(error);
    },
  });
  return until(signal, stream);
}

module.exports = { readStream, writeStream };
