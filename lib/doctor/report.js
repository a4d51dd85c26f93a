// The doctor's report for a person.
'use strict';

/** @typedef {import('./examine').Report} Report */

const WIDTH = 9;

/** @param {Report} report @returns {string} */
function asText({ host, findings }) {
  const lines = [`${host.package}, Node.js ${host.node}, ${host.platform}`, ''];
  for (const { about, level, text, advice } of findings) {
    lines.push(`${level.padEnd(WIDTH)}${about.padEnd(WIDTH)}${text}`);
    if (advice) lines.push(`${' '.repeat(2 * WIDTH)}-> ${advice}`);
  }
  const count = findings.filter(({ level }) => level === 'problem').length;
  const verdict = { 0: 'Sandboxes work here.', 1: 'One problem: sandboxes do not work here yet.' }[count];
  return `${[...lines, '', verdict ?? `${count} problems: sandboxes do not work here yet.`].join('\n')}\n`;
}

module.exports = { asText };
