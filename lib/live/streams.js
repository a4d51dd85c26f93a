// A process's streams as Node streams. What nobody reads is not fetched, so it holds the process up and grows nothing;
// an error nobody listens for ends no program, it is told by `wait()`.
'use strict';

const { Readable, Writable } = require('node:stream');

const { settle } = require('../call.js');

/** @typedef {import('../native').NativeProcess} NativeProcess */
/** @typedef {import('../call').CallSite} CallSite */
/** @typedef {'stdout' | 'stderr'} Name */

const ignore = () => undefined;

/** @param {NativeProcess} process @param {Name} name @param {CallSite} site */
function readable(process, name, site) {
  return new Readable({
    read() {
      settle(process.read(name), site).then(
        (bytes) => this.push(bytes),
        (error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      process.discard(name);
      done(error);
    },
  }).on('error', ignore);
}

/** @param {NativeProcess} process @param {CallSite} site */
function writable(process, site) {
  return new Writable({
    write(chunk, _encoding, done) {
      settle(process.write(chunk), site).then(() => done(), done);
    },
    final(done) {
      process.endInput();
      done();
    },
    destroy(error, done) {
      process.endInput();
      done(error);
    },
  }).on('error', ignore);
}

/**
 * Lets go of what nobody has begun to read by the time the caller's own code has had its turn.
 * @param {Readable[]} streams
 */
function letGoUnread(streams) {
  setImmediate(() => {
    for (const stream of streams) {
      if (stream.readableFlowing === null && stream.listenerCount('readable') === 0) stream.resume();
    }
  });
}

module.exports = { letGoUnread, readable, writable };
