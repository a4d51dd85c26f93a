'use strict';

// The README's code blocks as programs: what each one is, what it needs around it to run, and what its comments
// promise. Knows Markdown and TypeScript; runs nothing.

const fs = require('node:fs');
const path = require('node:path');
const ts = require('typescript');

const ROOT = path.join(__dirname, '..', '..');

/**
 * @typedef {object} Block
 * @property {string} name the heading it stands under, numbered where that has several
 * @property {'ts' | 'js'} language
 * @property {string} code word for word
 * @property {string} [needs] what it needs that a machine may not have
 */

function readme() {
  return fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8');
}

/** @param {string} markdown @returns {Block[]} */
function blocksOf(markdown) {
  /** @type {Block[]} */
  const blocks = [];
  /** @type {Map<string, number>} */
  const seen = new Map();
  const part =
    /^#+ (?<heading>.+)$|^(?:<!-- example: needs (?<needs>.+?) -->\n)?```(?<language>\w*)\n(?<code>[\s\S]*?)^```$/gm;
  let heading = '';
  for (const { groups = {} } of markdown.matchAll(part)) {
    if (groups.heading) heading = groups.heading;
    if (groups.language !== 'ts' && groups.language !== 'js') continue;
    const count = (seen.get(heading) ?? 0) + 1;
    seen.set(heading, count);
    const name = count === 1 ? heading : `${heading}, ${count}`;
    blocks.push({ name, language: groups.language, code: groups.code ?? '', needs: groups.needs });
  }
  return blocks;
}

/** What the README says the shorter examples stand in. */
const AROUND = {
  before: [
    "import { docker } from '@computesdk/docker';",
    'const provider = docker();',
    'const sandbox = await provider.sandbox.create();',
  ],
  after: 'await sandbox.destroy();',
};

/** A request as a web client sends it, for a block that is a route handler. */
const CALL_ROUTE = `
const body = { action: 'compute.sandbox.runCode', code: 'console.log("served")', runtime: 'node' };
const answer = await (await POST(new Request('http://localhost/', { method: 'POST', body: JSON.stringify(body) }))).json();
await provider.sandbox.destroy(answer.sandboxId);
console.log(answer.result.stdout);
`;

/** @param {Block} block */
function isRoute({ code }) {
  return code.includes('export async function POST');
}

/** @param {Block} block */
function isPartOfMore({ code }) {
  return /\b(?:sandbox|provider)\b/.test(code) && !/^import .* from '/m.test(code);
}

/**
 * The block as a whole module, still TypeScript. Nothing in the block itself is changed.
 * @param {Block} block
 */
function moduleOf(block) {
  if (!isPartOfMore(block)) return block.code;
  return [...AROUND.before, block.code, AROUND.after].join('\n');
}

/** The same as JavaScript; of a route handler, with a request to it. @param {Block} block */
function programOf(block) {
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const { outputText } = ts.transpileModule(moduleOf(block), { compilerOptions });
  return isRoute(block) ? outputText + CALL_ROUTE : outputText;
}

/**
 * What the comments behind printing calls promise, in order.
 * @param {Block} block
 * @param {RegExp} call that prints
 */
function promised({ code }, call) {
  const texts = [];
  for (const line of code.split('\n')) {
    const comment = / \/\/ (.+)$/.exec(line);
    if (comment && call.test(line.slice(0, comment.index))) texts.push(comment[1]);
  }
  return texts.join(' ');
}

/**
 * What a block's output is to look like: white space counts as one space, `…` stands for anything.
 * @param {Block} block
 */
function expectations(block) {
  const stdout = promised(block, /console\.log\(|process\.stdout\.write\(/);
  return {
    stdout: isRoute(block) ? 'served' : stdout,
    stderr: promised(block, /console\.error\(/),
  };
}

/** @param {string} printed @param {string} expected */
function matches(printed, expected) {
  const escaped = expected.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '.+?');
  return new RegExp(`^${escaped}$`, 's').test(printed.trim().replace(/\s+/g, ' '));
}

module.exports = { ROOT, blocksOf, expectations, matches, moduleOf, programOf, readme };
