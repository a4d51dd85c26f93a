'use strict';

// Syntax errors of the program itself are thrown; whatever else speaks of syntax is the result of a run.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { eachSession, shareSandbox } = require('./support/sandboxes.js');
const { rejection } = require('./support/wait.js');

/** @param {any} error @param {RegExp} told */
function assertSyntaxError(error, told) {
  assert.ok(error instanceof Error);
  assert.equal(error.code, 'ERR_SYNTAX');
  assert.match(error.message, /^Syntax error: .+$/);
  assert.match(error.message, told);
}

eachSession('syntax of Python', (session) => {
  const shared = shareSandbox({ session, runtime: 'python' });

  /** @type {Record<string, [string, RegExp]>} */
  const broken = {
    'an open bracket': ['print("x"', /SyntaxError: '\(' was never closed/],
    'two words': ['x = 1\nfoo bar', /SyntaxError: invalid syntax/],
    'an unexpected indent': ['x = 1\n  y = 2', /IndentationError: unexpected indent/],
    'a missing block': ['if True:\nprint(1)', /IndentationError: expected an indented block/],
    'tabs and spaces': ['if True:\n        x = 1\n\ty = 2', /TabError|IndentationError/],
    'a return outside of a function': ['return 5', /SyntaxError: 'return' outside function/],
    'an open string': ['x = "abc', /SyntaxError: unterminated string/],
    'another language': ['const x = () => 1;', /SyntaxError/],
  };
  for (const [what, [code, told]] of Object.entries(broken)) {
    it(`throws on ${what}`, async () => {
      assertSyntaxError(await rejection(shared.sandbox.runCode(code, 'python')), told);
    });
  }

  it('throws on a mistake at the end of large code', async () => {
    const code = `${'x = 1\n'.repeat(50_000)}foo bar\n`;
    assertSyntaxError(await rejection(shared.sandbox.runCode(code)), /SyntaxError: invalid syntax/);
  });

  it('throws however little output is kept', async () => {
    const run = shared.sandbox.runCode('foo bar', 'python', { maxOutputBytes: 4 });
    assertSyntaxError(await rejection(run), /SyntaxError: invalid syntax/);
  });

  /** @type {Record<string, [string, RegExp]>} */
  const running = {
    'compile() of broken text': ['compile("a b", "f", "exec")', /SyntaxError: invalid syntax/],
    'eval() of broken text': ['eval("1 +")', /SyntaxError/],
    'exec() of badly indented text': ['exec("  x\\n y")', /IndentationError/],
    'an import of a broken file': ['import csdk_broken', /SyntaxError/],
    'a SyntaxError that it raises': ['raise SyntaxError("mine")', /SyntaxError: mine/],
    'an IndentationError that it raises': ['raise IndentationError("mine")', /IndentationError: mine/],
    'a ValueError that speaks of syntax': [
      'raise ValueError("invalid syntax here")',
      /ValueError: invalid syntax here/,
    ],
    'text that looks like a traceback': [
      'import sys\nprint("  File \\"<string>\\", line 1\\n    a b\\nSyntaxError: invalid syntax", file=sys.stderr)\nsys.exit(1)',
      /SyntaxError: invalid syntax/,
    ],
    'ast.literal_eval': ['import ast\nast.literal_eval("a b")', /SyntaxError/],
  };
  it('answers what merely speaks of syntax as a result', async () => {
    await shared.sandbox.filesystem.writeFile('csdk_broken.py', 'def broken(:\n');
    for (const [what, [code, told]] of Object.entries(running)) {
      const result = await shared.sandbox.runCode(code, 'python');
      assert.equal(result.exitCode, 1, what);
      assert.match(result.stderr, told, what);
    }
  });

  it('answers a program that prints SyntaxError and succeeds', async () => {
    const result = await shared.sandbox.runCode('import sys\nprint("SyntaxError: no", file=sys.stderr)');
    assert.deepEqual([result.exitCode, result.stderr], [0, 'SyntaxError: no\n']);
  });

  it('keeps what was printed before', async () => {
    const result = await shared.sandbox.runCode('print("before")\neval("1 +")');
    assert.equal(result.stdout, 'before\n');
  });
});

eachSession('syntax of Node', (session) => {
  const shared = shareSandbox({ session, runtime: 'node' });

  /** @type {Record<string, [string, RegExp]>} */
  const broken = {
    'an open bracket': ['console.log("x"', /SyntaxError: missing \) after argument list/],
    'two declarations': [
      'const a = 1; const a = 2;',
      /SyntaxError: Identifier 'a' has already been declared/,
    ],
    'a missing expression': ['const x = ;', /SyntaxError: Unexpected token ';'/],
    'an open string': ['const s = "abc', /SyntaxError: Invalid or unexpected token/],
    'a module with a mistake': [
      'import fs from "node:fs";\nconst x = ;\nconsole.log(fs);',
      /SyntaxError: Unexpected token ';'/,
    ],
    'a return outside of a function': ['return 5', /SyntaxError: Illegal return statement/],
    'an await with a mistake': ['await 1;\nlet 5 = 4;', /SyntaxError/],
    'another language': ['def f(x):\n  return x', /SyntaxError/],
  };
  for (const [what, [code, told]] of Object.entries(broken)) {
    it(`throws on ${what}`, async () => {
      assertSyntaxError(await rejection(shared.sandbox.runCode(code, 'node')), told);
    });
  }

  it('throws on a mistake at the end of large code', async () => {
    const code = `${'globalThis.x = 1;\n'.repeat(20_000)}const y = ;\n`;
    assertSyntaxError(await rejection(shared.sandbox.runCode(code)), /SyntaxError: Unexpected token/);
  });

  /** @type {Record<string, [string, RegExp]>} */
  const running = {
    'JSON.parse of broken text': ['JSON.parse("{")', /SyntaxError/],
    'eval of broken text': ['eval("1 +")', /SyntaxError/],
    'new Function of broken text': ['new Function("a b")', /SyntaxError/],
    'a broken regular expression': ['new RegExp("(")', /SyntaxError: Invalid regular expression/],
    'vm.Script of broken text': ['new (require("vm").Script)("const x = ;")', /SyntaxError/],
    'a require of a broken file': ['require("./csdk_broken.js")', /SyntaxError/],
    'an import of a broken file': ['import "./csdk_broken.mjs";', /SyntaxError/],
    'a dynamic import of a broken file': ['import("./csdk_broken.mjs")', /SyntaxError/],
    'a SyntaxError that it throws': ['throw new SyntaxError("mine")', /SyntaxError: mine/],
    'a rejection with a SyntaxError': ['Promise.reject(new SyntaxError("mine"))', /SyntaxError: mine/],
    'a SyntaxError of a module': ['await 0;\nJSON.parse("{");', /SyntaxError/],
    'text that looks like one': [
      'console.error("[eval]:1\\na b\\n^\\n\\nSyntaxError: Unexpected identifier"); process.exit(1)',
      /SyntaxError: Unexpected identifier/,
    ],
    'an Error that speaks of syntax': ['throw new Error("SyntaxError: none")', /Error: SyntaxError: none/],
  };
  it('answers what merely speaks of syntax as a result', async () => {
    await shared.sandbox.filesystem.writeFile('csdk_broken.js', 'const x = ;\n');
    await shared.sandbox.filesystem.writeFile('csdk_broken.mjs', 'export const x = ;\n');
    for (const [what, [code, told]] of Object.entries(running)) {
      const result = await shared.sandbox.runCode(code, 'node');
      assert.equal(result.exitCode, 1, what);
      assert.match(result.stderr, told, what);
    }
  });
});

eachSession('ECMAScript modules', (session) => {
  const shared = shareSandbox({ session, runtime: 'node' });

  /** @type {Record<string, [string, string]>} */
  const programs = {
    'import … from': ['import os from "node:os";\nconsole.log(typeof os.EOL);', 'string\n'],
    'import { … } from': ['import { sep } from "path"; console.log(sep);', '/\n'],
    'import * as': ['import * as path from "node:path"; console.log(path.sep);', '/\n'],
    'top-level await': ['const n = await Promise.resolve(5);\nconsole.log(n);', '5\n'],
    'for await': ['for await (const n of [1, 2]) console.log(n);', '1\n2\n'],
    export: ['export const n = 6;\nconsole.log(n);', '6\n'],
    'a relative import': ['import { word } from "./csdk_word.mjs";\nconsole.log(word);', 'found\n'],
    'a dynamic import': ['import("node:os").then((os) => console.log(typeof os.EOL));', 'string\n'],
    'CommonJS that mentions import': [
      'const s = "import x from y"; console.log(require("path").sep, s.length);',
      '/ 15\n',
    ],
    'CommonJS with await in a function': ['(async () => { await 0; console.log("async"); })();', 'async\n'],
    'sloppy mode': ['x = 5; console.log(x, typeof require, typeof module);', '5 function object\n'],
  };
  it('run as CommonJS does', async () => {
    await shared.sandbox.filesystem.writeFile('csdk_word.mjs', 'export const word = "found";');
    for (const [what, [code, stdout]] of Object.entries(programs)) {
      const result = await shared.sandbox.runCode(code);
      assert.equal(result.stdout, stdout, `${what}: ${result.stderr}`);
      assert.equal(result.exitCode, 0, what);
      assert.equal(result.stderr, '', what);
    }
  });

  it('may be large', async () => {
    const code = `import { sep } from "node:path";\n${'// filler\n'.repeat(30_000)}console.log(await sep);`;
    const result = await shared.sandbox.runCode(code);
    assert.deepEqual([result.stdout, result.exitCode], ['/\n', 0]);
  });
});
