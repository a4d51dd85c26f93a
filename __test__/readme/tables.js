'use strict';

// The README's tables as data.

/** @param {string} line of a table @returns {string[]} its cells; `\|` is a bar within one */
function cells(line) {
  return line
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

/**
 * The rows of every table whose first heading is `first`.
 * @param {string} markdown
 * @param {string} first
 * @returns {string[][]}
 */
function rows(markdown, first) {
  const tables = markdown.match(/(?:^\|.*\|\n)+/gm) ?? [];
  return tables
    .map((table) => table.trimEnd().split('\n').map(cells))
    .filter(([head]) => head?.[0] === first)
    .flatMap((table) => table.slice(2));
}

/** The names between backticks in a cell. @param {string} cell @returns {string[]} */
function names(cell = '') {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}

module.exports = { names, rows };
