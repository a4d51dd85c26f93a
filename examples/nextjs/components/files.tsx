'use client';
// The sandbox's files: folders to walk through, files to look at, change and remove.
import { useEffect, useState } from 'react';
import type { Entry } from '@/lib/events';
import { FileView } from './file-view';
import { useFiles } from './use-files';

interface Props {
  id: string | undefined;
  version: unknown;
  onGone(): void;
}

function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** `/a/b` as `/`, `/a`, `/a/b`. */
function trail(folder: string): string[] {
  const names = folder.split('/').filter(Boolean);
  return ['/', ...names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`)];
}

function Trail({ folder, onOpen }: { folder: string; onOpen(folder: string): void }) {
  return (
    <nav aria-label="Folder" className="trail">
      <ol>
        {trail(folder).map((path) => (
          <li key={path}>
            <button
              type="button"
              className="link"
              aria-current={path === folder ? 'location' : undefined}
              onClick={() => onOpen(path)}
            >
              {path === '/' ? '/' : path.split('/').at(-1)}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}

function Row({ entry, open, onPick }: { entry: Entry; open: boolean; onPick(): void }) {
  return (
    <li>
      <button type="button" className="row" aria-pressed={open} onClick={onPick}>
        <span className={entry.isDirectory ? 'icon folder' : 'icon file'} aria-hidden="true" />
        <span className="name">
          {entry.name}
          {entry.isDirectory && <span className="quiet">/</span>}
        </span>
        <span className="quiet">{entry.isDirectory ? '' : size(entry.size)}</span>
      </button>
    </li>
  );
}

export function Files({ id, version, onGone }: Props) {
  const { folder, entries, problem, open, refresh } = useFiles(id, version, onGone);
  const [file, setFile] = useState<string>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another sandbox or folder has other files
  useEffect(() => setFile(undefined), [id, folder]);

  return (
    <section className="card files" aria-labelledby="files-title">
      <header className="bar">
        <h2 id="files-title">Files</h2>
        {id && (
          <button type="button" className="small" onClick={refresh}>
            Refresh
          </button>
        )}
      </header>
      {!id && <p className="hint">Run some code: the files of its sandbox appear here.</p>}
      {id && <Trail folder={folder} onOpen={open} />}
      {problem && <p className="problem">{problem}</p>}
      {entries?.length === 0 && <p className="hint">This folder is empty.</p>}
      <ul className="rows" aria-label={`Files in ${folder}`} hidden={!entries?.length}>
        {entries?.map((entry) => (
          <Row
            key={entry.path}
            entry={entry}
            open={entry.path === file}
            onPick={() => (entry.isDirectory ? open(entry.path) : setFile(entry.path))}
          />
        ))}
      </ul>
      {id && file && (
        <FileView
          key={file}
          id={id}
          path={file}
          version={version}
          onChanged={refresh}
          onClose={() => setFile(undefined)}
        />
      )}
    </section>
  );
}
