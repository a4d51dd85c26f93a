'use client';
// One run at a time: its output as it arrives, and how it ended.
import { useCallback, useRef, useState } from 'react';
import { Refused, runCode } from '@/lib/client';
import type { RunEvent } from '@/lib/events';
import type { SandboxState } from './use-sandbox';

/** A stretch of output of one stream. */
export interface Piece {
  stream: 'stdout' | 'stderr';
  text: string;
}

export type Ending =
  | { kind: 'exit'; exitCode: number; ms: number; timedOut: boolean }
  | { kind: 'error'; code: string; message: string }
  | { kind: 'stopped' };

export interface RunState {
  running: boolean;
  pieces: Piece[];
  ending: Ending | undefined;
  run(code: string, timeout: number): Promise<void>;
  stop(): void;
  /** Forgets the last run. */
  clear(): void;
}

/** The output so far with what has just arrived; neighbours of one stream become one piece. */
function append(pieces: Piece[], events: RunEvent[]): Piece[] {
  const next = [...pieces];
  for (const event of events) {
    if (event.type !== 'stdout' && event.type !== 'stderr') continue;
    const last = next.at(-1);
    if (last?.stream === event.type) next[next.length - 1] = { ...last, text: last.text + event.text };
    else next.push({ stream: event.type, text: event.text });
  }
  return next;
}

function endingOf(events: RunEvent[]): Ending | undefined {
  const last = events.at(-1);
  if (last?.type === 'exit') return { ...last, kind: 'exit' };
  if (last?.type === 'error') return { ...last, kind: 'error' };
}

export function useRun({ open, forget }: SandboxState): RunState {
  const [running, setRunning] = useState(false);
  const [pieces, setPieces] = useState<Piece[]>([]);
  const [ending, setEnding] = useState<Ending>();
  const current = useRef<AbortController>(null);

  const clear = useCallback(() => {
    setPieces([]);
    setEnding(undefined);
  }, []);

  const run = useCallback(
    async (code: string, timeout: number) => {
      if (current.current) return;
      const stopper = new AbortController();
      current.current = stopper;
      clear();
      setRunning(true);
      let ended: Ending = { kind: 'error', code: '', message: 'The connection to the server broke.' };
      try {
        const id = await open();
        for await (const events of runCode(id, { code, timeout }, stopper.signal)) {
          setPieces((before) => append(before, events));
          ended = endingOf(events) ?? ended;
        }
      } catch (error) {
        if (error instanceof Refused) {
          ended = { kind: 'error', code: error.code, message: error.message };
          if (error.gone) forget();
        }
      }
      current.current = null;
      setEnding(stopper.signal.aborted ? { kind: 'stopped' } : ended);
      setRunning(false);
    },
    [open, forget, clear],
  );

  const stop = useCallback(() => current.current?.abort(), []);
  return { running, pieces, ending, run, stop, clear };
}
