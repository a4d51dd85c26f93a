'use strict';

// Draws lines over a common axis as SVG, panel below panel.

/**
 * @typedef {{ name: string, values: number[] }} Series one value for each point of the axis
 * @typedef {{ title: string, series: Series[] }} Panel
 */

const WIDTH = 720;
const PLOT = { left: 64, right: 160, top: 28, height: 180, gap: 60 };
const COLOURS = ['#2563eb', '#d97706', '#059669', '#dc2626'];

/**
 * @param {string} title for those who cannot see it
 * @param {{ label: string, at: number[] }} axis
 * @param {Panel[]} panels
 */
function plot(title, axis, panels) {
  const height = panels.length * (PLOT.top + PLOT.height + PLOT.gap);
  const drawn = panels.map((panel, row) => {
    const y = row * (PLOT.top + PLOT.height + PLOT.gap) + PLOT.top;
    return `<g transform="translate(${PLOT.left} ${y})">\n${draw(axis, panel).join('\n')}\n</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
<title>${title}</title>
<rect width="100%" height="100%" fill="#fff"/>
${drawn.join('\n')}
</svg>
`;
}

/** @param {{ label: string, at: number[] }} axis @param {Panel} panel @returns {string[]} */
function draw(axis, { title, series }) {
  const width = WIDTH - PLOT.left - PLOT.right;
  const last = axis.at.at(-1) || 1;
  const top = roundUp(Math.max(1, ...series.flatMap(({ values }) => values)));
  const x = (/** @type {number} */ value) => ((value / last) * width).toFixed(1);
  const y = (/** @type {number} */ value) => (PLOT.height * (1 - value / top)).toFixed(1);
  const lines = [text(0, -10, title, 'start', 'bold')];
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    lines.push(`<path d="M0 ${y(top * share)}H${width}" stroke="#ddd"/>`);
    lines.push(text(-8, Number(y(top * share)) + 4, number(top * share), 'end'));
    lines.push(text(Number(x(last * share)), PLOT.height + 18, number(last * share), 'middle'));
  }
  lines.push(text(width / 2, PLOT.height + 36, axis.label, 'middle'));
  for (const [at, { name, values }] of series.entries()) {
    const points = values.map((value, index) => `${x(axis.at[index] ?? 0)},${y(value)}`).join(' ');
    const colour = COLOURS[at % COLOURS.length];
    lines.push(`<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="1.5"/>`);
    lines.push(`<path d="M${width + 10} ${10 + at * 20}h14" stroke="${colour}" stroke-width="3"/>`);
    lines.push(text(width + 30, 14 + at * 20, name, 'start'));
  }
  return lines;
}

/** To a round number, so that quarters of it are short. @param {number} value */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 8, 10].map((factor) => factor * power).find((limit) => limit >= value) ?? value;
}

/** @param {number} value */
const number = (value) => Math.round(value * 100) / 100;

/**
 * @param {number} x
 * @param {number} y
 * @param {string | number} words
 * @param {'start' | 'middle' | 'end'} anchor
 * @param {string} weight
 */
function text(x, y, words, anchor, weight = 'normal') {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-weight="${weight}" fill="#333">${words}</text>`;
}

module.exports = { plot };
