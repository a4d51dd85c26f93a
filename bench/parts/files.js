'use strict';

// What files cost: small ones, large ones, folders. dockerode writes and reads small files by exec,
// large ones by the archive API.

const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { atLeast, atMost, compare, ratio } = require('../measure');

/** @typedef {import('../types').Box} Box */

const FOLDER = '/tmp/bench';
const KB = 1000;
const MB = 1000 * KB;

/** @type {import('../types').Part} */
async function files({ boxes }) {
  for (const box of Object.values(boxes)) await box.run(prepare());
  const small = await sized(boxes, '1 KB', KB, { blocks: 5, perBlock: 6 });
  const middle = await sized(boxes, '1 MB', MB, { blocks: 3, perBlock: 4 });
  const large = await largeRows(boxes);
  const moved = await transferRows(boxes);
  const few = { blocks: 4, perBlock: 5 };
  const exists = await compare('exists', boxes, (box) => box.exists(`${FOLDER}/10`), few);
  const ten = await compare('readdir of 10 entries', boxes, (box) => listed(box, 10), few);
  const thousand = await compare('readdir of 1,000 entries', boxes, (box) => listed(box, 1000), few);
  const quick = [...small, exists, ten];
  const rows = [...small, ...middle, ...large, ...moved, exists, ten, thousand];
  return { rows, targets: boxes.agent ? [...targets(quick, large), ...transferTargets(moved)] : [] };
}

function prepare() {
  const fill = (/** @type {number} */ count) =>
    `mkdir -p ${FOLDER}/${count} && cd ${FOLDER}/${count} && i=0; while [ $i -lt ${count} ]; do : > f$i; i=$((i+1)); done`;
  return `${fill(10)}; ${fill(1000)}`;
}

/**
 * @param {Record<string, Box>} boxes
 * @param {string} size
 * @param {number} bytes
 * @param {{ blocks: number, perBlock: number }} amount
 */
async function sized(boxes, size, bytes, amount) {
  const content = randomBytes(bytes);
  const file = `${FOLDER}/file`;
  const written = await compare(`writeFile ${size}`, boxes, (box) => box.write(file, content), amount);
  const read = await compare(
    `readFile ${size}`,
    boxes,
    async (box) => same(await box.read(file), content),
    amount,
  );
  return [written, read];
}

/** @param {Record<string, Box>} boxes */
async function largeRows(boxes) {
  const content = randomBytes(100 * MB);
  const file = `${FOLDER}/large`;
  const amount = { blocks: 5, perBlock: 1, warmUps: 0 };
  const written = await compare('writeFile 100 MB', boxes, (box) => box.writeLarge(file, content), amount);
  const read = await compare(
    'readFile 100 MB',
    boxes,
    async (box) => same(await box.readLarge(file), content),
    amount,
  );
  for (const box of Object.values(boxes)) await box.run(`rm ${file}`);
  return [written, read];
}

/** Between this machine and a sandbox; for those who can. @param {Record<string, Box>} boxes */
async function transferRows(boxes) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'computesdk-bench-'));
  const able = Object.fromEntries(Object.entries(boxes).filter(([, box]) => box.upload && box.download));
  const [from, back] = [path.join(folder, 'from'), path.join(folder, 'back')];
  const amount = { blocks: 5, perBlock: 1, warmUps: 1 };
  try {
    fs.writeFileSync(from, randomBytes(100 * MB));
    const there = `${FOLDER}/moved`;
    const up = await compare('upload 100 MB', able, async (box) => box.upload?.(from, there), amount);
    const down = await compare('download 100 MB', able, async (box) => box.download?.(there, back), amount);
    for (const box of Object.values(able)) await box.run(`rm ${there}`);
    return [up, down];
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** @param {import('../types').Row[]} moved */
function transferTargets(moved) {
  return moved
    .filter((row) => row.samples['docker CLI'])
    .map((row) => atMost(`${row.measure}, times docker cp`, ratio(row, 'agent', 'docker CLI'), 1));
}

/** @param {Buffer} got @param {Buffer} wanted */
function same(got, wanted) {
  if (!got.equals(wanted))
    throw new Error(`read ${got.length} bytes that differ from the ${wanted.length} written`);
}

/** @param {Box} box @param {number} count */
async function listed(box, count) {
  const found = await box.list(`${FOLDER}/${count}`);
  if (found !== count) throw new Error(`listed ${found} entries of ${count}`);
}

/** @param {import('../types').Row[]} quick @param {import('../types').Row[]} large */
function targets(quick, large) {
  return [
    ...quick.map((row) =>
      atLeast(`${row.measure}, times faster than dockerode's exec`, ratio(row, 'dockerode', 'agent'), 60),
    ),
    ...large.map((row) =>
      atMost(`${row.measure}, times the archive API`, ratio(row, 'agent', 'dockerode'), 1.1),
    ),
  ];
}

module.exports = { files };
