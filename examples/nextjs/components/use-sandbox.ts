'use client';
// The sandbox of the tab for one language: found again after a reload, started when it is first needed.
import { useCallback, useEffect, useState } from 'react';
import { checkSandbox, endSandbox, openSandbox, Refused } from '@/lib/client';
import type { Runtime } from '@/lib/events';
import { recall, remember } from '@/lib/stored';

export type Phase = 'looking' | 'none' | 'starting' | 'ready' | 'ended' | 'unknown';

export interface SandboxState {
  id: string | undefined;
  phase: Phase;
  /** Gives the id of a sandbox that is there, starting one where there is none. */
  open(): Promise<string>;
  /** Ends it. */
  end(): Promise<void>;
  /** Takes note that it is no more. */
  forget(): void;
}

export function useSandbox(runtime: Runtime | undefined): SandboxState {
  const [id, setId] = useState<string>();
  const [phase, setPhase] = useState<Phase>('looking');

  const set = useCallback((next: Phase, nextId?: string) => {
    setPhase(next);
    setId(nextId);
  }, []);

  const forget = useCallback(() => {
    if (runtime) remember('sandbox', runtime, null);
    set('ended');
  }, [runtime, set]);

  useEffect(() => {
    if (!runtime) return;
    const known = recall('sandbox', runtime);
    set(known ? 'looking' : 'none');
    if (!known) return;
    const left = new AbortController();
    checkSandbox(known, left.signal).then(
      () => !left.signal.aborted && set('ready', known),
      (error) => {
        if (left.signal.aborted) return;
        if (error instanceof Refused && error.gone) forget();
        else set('unknown');
      },
    );
    return () => left.abort();
  }, [runtime, set, forget]);

  const open = useCallback(async () => {
    if (!runtime) throw new Error('no language is chosen yet');
    if (!id) set('starting');
    try {
      const opened = await openSandbox(runtime, recall('sandbox', runtime));
      remember('sandbox', runtime, opened);
      set('ready', opened);
      return opened;
    } catch (error) {
      set('unknown');
      throw error;
    }
  }, [runtime, id, set]);

  const end = useCallback(async () => {
    if (id) await endSandbox(id);
    forget();
  }, [id, forget]);

  return { id, phase, open, end, forget };
}
