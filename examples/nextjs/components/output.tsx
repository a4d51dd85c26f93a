'use client';
// What a run prints, and how it ended.
import { useEffect, useRef } from 'react';
import type { Ending, RunState } from './use-run';

function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function summary(ending: Ending): { text: string; mood: 'good' | 'bad' | 'calm' } {
  if (ending.kind === 'stopped') return { text: 'Stopped', mood: 'calm' };
  if (ending.kind === 'error') {
    return { text: ending.code === 'ERR_SYNTAX' ? 'Syntax error' : 'Failed', mood: 'bad' };
  }
  const took = duration(ending.ms);
  if (ending.timedOut) return { text: `Timed out after ${took} · exit code ${ending.exitCode}`, mood: 'bad' };
  return { text: `Exit code ${ending.exitCode} · ${took}`, mood: ending.exitCode === 0 ? 'good' : 'bad' };
}

export function Output({ running, pieces, ending }: RunState) {
  const log = useRef<HTMLDivElement>(null);
  const length = pieces.reduce((sum, { text }) => sum + text.length, 0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: scrolls when there is more to see
  useEffect(() => {
    log.current?.scrollTo({ top: log.current.scrollHeight });
  }, [length, ending]);

  const end = ending && summary(ending);
  // The interpreter has told of a syntax error already, with the line.
  const told = ending?.kind === 'error' && ending.code === 'ERR_SYNTAX' && length > 0;
  return (
    <section className="card output" aria-labelledby="output-title">
      <header className="bar">
        <h2 id="output-title">Output</h2>
        <p className={`ending ${end?.mood ?? 'calm'}`} role="status">
          {running ? 'Running…' : end?.text}
        </p>
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard */}
      <div className="log" role="log" aria-label="Program output" tabIndex={0} ref={log}>
        {pieces.map((piece, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces are only ever added at the end
          <span key={index} className={piece.stream}>
            {piece.text}
          </span>
        ))}
        {ending?.kind === 'error' && !told && <p className="problem">{ending.message}</p>}
        {!running && !ending && <p className="hint">What the program prints appears here while it runs.</p>}
        {ending && ending.kind === 'exit' && length === 0 && <p className="hint">It printed nothing.</p>}
      </div>
    </section>
  );
}
