// After `npm install`: the package that was copied from this repository has no binary, as its npm package for the
// platform brings that. This takes the one that `npm run build` made. An app of your own needs no such thing.
import { copyFileSync, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

const example = path.dirname(import.meta.dirname);
const repository = path.join(example, '../..');
const installed = path.join(example, 'node_modules/@computesdk/docker');
const binaries = readdirSync(repository).filter((name) => name.endsWith('.node'));

if (existsSync(installed)) {
  for (const name of binaries) copyFileSync(path.join(repository, name), path.join(installed, name));
  if (binaries.length === 0)
    console.error('No addon yet: run `npm run build` in the repository, then this again.');
}
