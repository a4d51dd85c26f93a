// Files of a sandbox, as the page shows them.
import path from 'node:path/posix';
import type { DockerSandbox } from '@computesdk/docker';
import type { Entry, FileContent } from './events';
import { BadRequest } from './http';

/** Bytes; more is not shown. */
const MOST_SHOWN = 512 * 1024;
/** The lowest code is NUL: text has none. */
const NUL = 0;

/** The path that a request names. */
export function pathOf(request: Request): string {
  const given = new URL(request.url).searchParams.get('path');
  if (!given?.startsWith('/')) throw new BadRequest('path: expected an absolute path');
  return path.normalize(given);
}

/** Folders first, each kind by name. */
export async function listFolder({ filesystem }: DockerSandbox, folder: string): Promise<Entry[]> {
  const entries = await filesystem.readdir(folder);
  return entries
    .map(({ name, isDirectory, size }) => ({ name, path: path.join(folder, name), isDirectory, size }))
    .sort((a, b) => Number(b.isDirectory) - Number(a.isDirectory));
}

export async function showFile(sandbox: DockerSandbox, file: string): Promise<FileContent> {
  const entries = await sandbox.filesystem.readdir(path.dirname(file));
  const size = entries.find(({ name }) => name === path.basename(file))?.size ?? 0;
  if (size > MOST_SHOWN) return { text: null, size };
  const bytes = await sandbox.filesystem.readFile(file, { encoding: null });
  return { text: bytes.includes(NUL) ? null : bytes.toString('utf8'), size: bytes.length };
}
