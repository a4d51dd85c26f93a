'use strict';

// Copies the measurements of bench/RESULTS.md into README.md, between the markers that stand there. npm run bench
// does it at its end; by hand:
//   node scripts/readme-bench.js
// Where nothing was measured yet, the place stays empty.

const fs = require('node:fs');
const path = require('node:path');

const ROOT = path.join(__dirname, '..');
const RESULTS = path.join(ROOT, 'bench', 'RESULTS.md');
const README = path.join(ROOT, 'README.md');
const START = '<!-- bench:start -->';
const END = '<!-- bench:end -->';
/** Enough to judge by; the whole report is a link away. */
const COLUMNS = ['measure (median / p95)', 'agent', 'exec', 'dockerode', 'dockerode ÷ agent'];

/** @param {string} line */
function cells(line) {
  return line
    .replace(/^\||\|\s*$/g, '')
    .split('|')
    .map((cell) => cell.trim());
}

/**
 * The part for the README: the machine, and the first table with the columns that matter.
 * @param {string} file the report
 * @returns {string} empty where there is no report
 */
function tableOf(file) {
  if (!fs.existsSync(file)) return '';
  const report = fs.readFileSync(file, 'utf8');
  const table = /(?:^\|.*\n)+/m.exec(report)?.[0];
  if (!table) throw new Error(`${file} holds no table`);
  const machine = report.slice(0, report.indexOf(table)).trim().split('\n\n').at(-1);
  const [head = [], , ...lines] = table.trimEnd().split('\n').map(cells);
  const wanted = COLUMNS.map((name) => head.indexOf(name));
  if (wanted.includes(-1)) throw new Error(`${file} lacks a column: ${COLUMNS.join(', ')}`);
  const row = (/** @type {string[]} */ line) => `| ${wanted.map((at) => line[at] ?? '').join(' | ')} |`;
  const rule = `|${COLUMNS.map(() => '---').join('|')}|`;
  const intro = `\`npm run bench\`, this package over its agent and over plain execs beside dockerode, milliseconds unless
the row says otherwise. Trust the ratios, not the times. The whole report: [bench/RESULTS.md](bench/RESULTS.md).`;
  return ['## Performance', intro, machine, [row(head), rule, ...lines.map(row)].join('\n')].join('\n\n');
}

/** @param {string} readme @param {string} part */
function fill(readme, part) {
  const [start, end] = [readme.indexOf(START), readme.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`README.md lacks ${START} and ${END}`);
  const between = part === '' ? '\n' : `\n${part}\n`;
  return readme.slice(0, start + START.length) + between + readme.slice(end);
}

function update() {
  fs.writeFileSync(README, fill(fs.readFileSync(README, 'utf8'), tableOf(RESULTS)));
}

if (require.main === module) update();

module.exports = { fill, tableOf, update };
