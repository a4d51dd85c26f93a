'use strict';

// npm run typecheck: our own files by the TypeScript in use, and what callers see by the newest one too, each as a
// project of either module resolution.

const { spawnSync } = require('node:child_process');
const path = require('node:path');

const ROOT = path.join(__dirname, '..');
const CALLERS = ['__test__/types/tsconfig.node16.json', '__test__/types/tsconfig.bundler.json'];

/** Compilers by package name, as both bring a program `tsc`, and what each checks. @type {Record<string, string[]>} */
const CHECKS = {
  typescript: ['tsconfig.json', ...CALLERS],
  'typescript-newest': CALLERS,
};

for (const [compiler, projects] of Object.entries(CHECKS)) {
  const tsc = path.join(ROOT, 'node_modules', compiler, 'bin', 'tsc');
  for (const project of projects) {
    const { status } = spawnSync(process.execPath, [tsc, '-p', project], { cwd: ROOT, stdio: 'inherit' });
    if (status === 0) continue;
    console.error(`${compiler}: ${project} has errors`);
    process.exitCode = 1;
  }
}
