// Which of the published binaries fits this machine. Knows names only; lib/native.js loads.
'use strict';

const fs = require('node:fs');

/** @type {Record<string, string>} */
const TRIPLES = {
  'darwin-arm64': 'darwin-arm64',
  'darwin-x64': 'darwin-x64',
  'linux-arm64-glibc': 'linux-arm64-gnu',
  'linux-arm64-musl': 'linux-arm64-musl',
  'linux-x64-glibc': 'linux-x64-gnu',
  'linux-x64-musl': 'linux-x64-musl',
  'win32-arm64': 'win32-arm64-msvc',
  'win32-x64': 'win32-x64-msvc',
};

const INTERPRETER_REACH = 4096;

// The loader that Node's own binary asks for tells the C library. Node's diagnostic report says it too, in 10 ms.
function libc() {
  try {
    const file = fs.openSync(process.execPath, 'r');
    try {
      const head = Buffer.alloc(INTERPRETER_REACH);
      fs.readSync(file, head, 0, head.length, 0);
      return head.includes('/ld-musl-') ? 'musl' : 'glibc';
    } finally {
      fs.closeSync(file);
    }
  } catch {
    return 'glibc';
  }
}

/** This machine in words, such as `linux-x64-musl`. */
function platformName() {
  const name = `${process.platform}-${process.arch}`;
  return process.platform === 'linux' ? `${name}-${libc()}` : name;
}

/** The suffix of the binary for this machine, such as `linux-x64-gnu`; undefined where there is none. */
function platformTriple() {
  return TRIPLES[platformName()];
}

module.exports = { platformName, platformTriple };
