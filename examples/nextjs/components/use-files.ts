'use client';
// The folder that the file browser shows. `version` changes when a run may have changed it.
import { useCallback, useEffect, useState } from 'react';
import { listFiles, Refused } from '@/lib/client';
import type { Entry } from '@/lib/events';

export const HOME = '/workspace';

export interface FilesState {
  folder: string;
  entries: Entry[] | undefined;
  problem: string | undefined;
  open(folder: string): void;
  refresh(): void;
}

export function useFiles(id: string | undefined, version: unknown, onGone: () => void): FilesState {
  const [folder, setFolder] = useState(HOME);
  const [entries, setEntries] = useState<Entry[]>();
  const [problem, setProblem] = useState<string>();
  const [again, setAgain] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` and `again` say when to look again
  useEffect(() => {
    if (!id) {
      setEntries(undefined);
      setFolder(HOME);
      return;
    }
    const left = new AbortController();
    listFiles(id, folder, left.signal).then(
      (found) => {
        setEntries(found);
        setProblem(undefined);
      },
      (error) => {
        if (left.signal.aborted) return;
        if (error instanceof Refused && error.gone) onGone();
        else setProblem(error.message);
      },
    );
    return () => left.abort();
  }, [id, folder, version, again, onGone]);

  const refresh = useCallback(() => setAgain((count) => count + 1), []);
  return { folder, entries, problem, open: setFolder, refresh };
}
