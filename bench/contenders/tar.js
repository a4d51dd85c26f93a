'use strict';

// Tar archives of one file, as Docker's archive API wants and gives them.

const BLOCK = 512;

/** @param {string} name at most 100 bytes @param {Buffer} content */
function pack(name, content) {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        0', 148);
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = (BLOCK - (content.length % BLOCK)) % BLOCK;
  return Buffer.concat([header, content, Buffer.alloc(padding + 2 * BLOCK)]);
}

/** @param {Buffer} archive whose first entry is the file */
function unpack(archive) {
  const size = Number.parseInt(archive.toString('latin1', 124, 135), 8);
  return archive.subarray(BLOCK, BLOCK + size);
}

module.exports = { pack, unpack };
