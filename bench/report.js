'use strict';

// Turns what was measured into text: a table of all measures, a table of the targets, the machine.

const fs = require('node:fs');
const os = require('node:os');
const { ask } = require('../scripts/engine/api');
const { median, percentile, ratio } = require('./measure');

/** Columns that are always there, in this order; other names are native baselines. */
const COLUMNS = ['agent', 'exec', 'dockerode', 'docker CLI'];
const BASELINES = ['native', 'agent, idle'];

/** @param {import('./types').Outcome} outcome */
function tables({ rows, targets }) {
  const head = ['measure (median / p95)', ...COLUMNS, 'baseline', 'dockerode ÷ agent'];
  const lines = rows.map((row) => [
    `${row.measure}, ${row.unit}`,
    ...COLUMNS.map((name) => cell(row.samples[name])),
    BASELINES.filter((name) => row.samples[name])
      .map((name) => `${name}: ${cell(row.samples[name])}`)
      .join(' '),
    times(row),
  ]);
  const verdicts = targets.map((it) => [it.target, figure(it.value), it.met ? 'met' : '**missed**']);
  return `${table(head, lines)}\n\n${table(['target', 'measured', ''], verdicts)}\n`;
}

/** @param {number[] | undefined} samples */
function cell(samples) {
  if (!samples) return '';
  return samples.length < 3
    ? figure(median(samples))
    : `${figure(median(samples))} / ${figure(percentile(samples, 0.95))}`;
}

/** @param {import('./types').Row} row */
function times(row) {
  const factor = ratio(row, 'dockerode', 'agent');
  return Number.isFinite(factor) ? `${figure(factor)} ×` : '';
}

/** Three digits are all that such times are worth. @param {number} value */
function figure(value) {
  if (!Number.isFinite(value)) return '–';
  return value >= 100
    ? Math.round(value).toLocaleString('en')
    : String(Number(value.toPrecision(value < 1 ? 2 : 3)));
}

/** @param {string[]} head @param {string[][]} lines */
function table(head, lines) {
  const all = [head, ...lines];
  const widths = head.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)));
  const text = (/** @type {string[]} */ line) =>
    `| ${widths.map((width, column) => (line[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [text(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...lines.map(text)].join(
    '\n',
  );
}

/** What it ran on, without a name or date. @param {string} host */
async function machine(host) {
  const { Version, KernelVersion } = await ask(host, '/version');
  const { Driver, CgroupVersion } = await ask(host, '/info');
  const system = /^PRETTY_NAME="?(.*?)"?$/m.exec(read('/etc/os-release'))?.[1] ?? os.type();
  const memory = Math.round(os.totalmem() / 1024 ** 3);
  const cores = `${os.cpus().length} cores (${os.cpus()[0]?.model.trim()}), ${memory} GiB`;
  const engine = `Docker ${Version} (${Driver}, cgroup v${CgroupVersion})`;
  return `${cores}, ${system}, kernel ${KernelVersion}, Node.js ${process.version}, ${engine}`;
}

/** @param {string} file */
function read(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
}

module.exports = { machine, tables };
