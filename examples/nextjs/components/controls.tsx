'use client';
// What to run it with: language, time limit, and the buttons.
import type { Runtime } from '@/lib/events';
import { LANGUAGES, RUNTIMES } from '@/lib/languages';

const LIMITS = [2, 10, 60];

interface Props {
  runtime: Runtime;
  seconds: number;
  running: boolean;
  ready: boolean;
  onRuntime(runtime: Runtime): void;
  onSeconds(seconds: number): void;
  onRun(): void;
  onStop(): void;
}

export function Controls({ runtime, seconds, running, ready, ...on }: Props) {
  return (
    <div className="bar controls">
      <fieldset className="choice" disabled={running || !ready}>
        <legend className="hidden">Language</legend>
        {RUNTIMES.map((each) => (
          <label key={each}>
            <input
              type="radio"
              name="runtime"
              value={each}
              checked={each === runtime}
              onChange={() => on.onRuntime(each)}
            />
            <span>{LANGUAGES[each].name}</span>
          </label>
        ))}
      </fieldset>
      <label className="limit">
        Time limit
        <select value={seconds} onChange={(event) => on.onSeconds(Number(event.target.value))}>
          {LIMITS.map((each) => (
            <option key={each} value={each}>
              {each} s
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        className={running ? 'stop' : 'strong'}
        disabled={!ready}
        onClick={running ? on.onStop : on.onRun}
      >
        {running ? 'Stop' : 'Run'}
      </button>
    </div>
  );
}
