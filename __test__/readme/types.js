'use strict';

// What TypeScript says about the README's blocks and about index.d.ts.

const path = require('node:path');
const ts = require('typescript');
const { ROOT, moduleOf } = require('./blocks.js');

/** @typedef {import('./blocks').Block} Block */

/** @type {ts.CompilerOptions} */
const OPTIONS = {
  module: ts.ModuleKind.Node16,
  moduleResolution: ts.ModuleResolutionKind.Node16,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts'],
  types: ['node'],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  allowJs: true,
};

/** @param {Map<string, string>} files by path, beside those on disk */
function programWith(files) {
  const host = ts.createCompilerHost(OPTIONS);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.readFile = (name) => files.get(name) ?? readFile(name);
  host.getSourceFile = (name, ...rest) => {
    const text = files.get(name);
    if (text === undefined) return getSourceFile(name, ...rest);
    const options = typeof rest[0] === 'object' ? rest[0] : { languageVersion: rest[0] };
    return ts.createSourceFile(name, text, { ...options, impliedNodeFormat: ts.ModuleKind.ESNext });
  };
  return ts.createProgram({ rootNames: [...files.keys()], options: OPTIONS, host });
}

/**
 * The complaints of a strict compiler, each led by the block's name.
 * @param {Block[]} blocks
 */
function complaints(blocks) {
  const names = blocks.map((_, at) => path.join(ROOT, `readme-block-${at}.mts`));
  const files = new Map(blocks.map((block, at) => [names[at] ?? '', moduleOf(block)]));
  return ts.getPreEmitDiagnostics(programWith(files)).map(({ file, messageText }) => {
    const block = blocks[names.indexOf(file?.fileName ?? '')];
    return `${block?.name ?? file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}

/** Reads names out of index.d.ts. */
class Declarations {
  constructor() {
    this.file = path.join(ROOT, 'index.d.ts');
    this.program = ts.createProgram([this.file], OPTIONS);
    this.checker = this.program.getTypeChecker();
    const source = this.program.getSourceFile(this.file);
    const symbol = source && this.checker.getSymbolAtLocation(source);
    if (!symbol) throw new Error('index.d.ts is no module');
    this.exports = new Map(this.checker.getExportsOfModule(symbol).map((it) => [it.name, it]));
  }

  /** @param {string} name of an exported type */
  type(name) {
    const symbol = this.exports.get(name);
    if (!symbol) throw new Error(`index.d.ts exports no ${name}`);
    return this.checker.getDeclaredTypeOfSymbol(symbol);
  }

  /** @param {string} name of an interface @returns {string[]} its members */
  members(name) {
    return (
      this.type(name)
        .getProperties()
        .map((property) => property.name)
        // Those whose names are symbols.
        .filter((name) => !name.startsWith('__@'))
    );
  }

  /** @param {string} name of a union of texts @returns {string[]} */
  literals(name) {
    const type = this.type(name);
    return (type.isUnion() ? type.types : [type]).map((it) => /** @type {ts.StringLiteralType} */ (it).value);
  }
}

module.exports = { Declarations, complaints };
