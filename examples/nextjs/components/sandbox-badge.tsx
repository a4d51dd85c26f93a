'use client';
// Which sandbox the page has, and the button that ends it.
import type { Phase, SandboxState } from './use-sandbox';

const WORDS: Record<Phase, string> = {
  looking: 'Looking for the sandbox…',
  none: 'No sandbox yet',
  starting: 'Starting a sandbox…',
  ready: 'Sandbox',
  ended: 'The sandbox has ended; the next run starts a new one',
  unknown: 'The sandbox cannot be reached',
};

export function SandboxBadge({ sandbox, running }: { sandbox: SandboxState; running: boolean }) {
  const { id, phase, end } = sandbox;
  return (
    <div className="badge">
      <p role="status">
        <span className={`dot ${phase}`} aria-hidden="true" />
        {WORDS[phase]} {id && <code title={id}>{id.slice(0, 12)}</code>}
      </p>
      {id && (
        <button
          type="button"
          className="small"
          disabled={running}
          onClick={() => end().catch(() => undefined)}
        >
          End sandbox
        </button>
      )}
    </div>
  );
}
