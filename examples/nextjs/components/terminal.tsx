'use client';
// A terminal of the sandbox, drawn by xterm.js. It lives as long as it is on the page.
import type { Terminal } from '@xterm/xterm';
import { useEffect, useRef, useState } from 'react';
import '@xterm/xterm/css/xterm.css';
import { feedTerminal, openTerminal } from '@/lib/client';
import type { TerminalEvent } from '@/lib/events';
import { Keyboard } from '@/lib/keyboard';
import type { SandboxState } from './use-sandbox';

const LOOK = {
  cursorBlink: true,
  fontFamily: 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace',
  fontSize: 14,
  theme: { background: '#14161a', foreground: '#e8eaef' },
};

interface Session {
  sandbox: SandboxState;
  host: HTMLElement;
  signal: AbortSignal;
  tell(status: string): void;
}

/** A screen that fills its place, and goes on doing so. */
async function makeScreen(host: HTMLElement, signal: AbortSignal): Promise<Terminal> {
  // xterm.js needs a browser: it is loaded when there is one.
  const [xterm, { FitAddon }] = await Promise.all([import('@xterm/xterm'), import('@xterm/addon-fit')]);
  const screen = new xterm.Terminal(LOOK);
  const fit = new FitAddon();
  screen.loadAddon(fit);
  screen.open(host);
  fit.fit();
  const watcher = new ResizeObserver(() => host.offsetParent && fit.fit());
  watcher.observe(host);
  signal.addEventListener('abort', () => {
    watcher.disconnect();
    screen.dispose();
  });
  return screen;
}

function attach(screen: Terminal, id: string, key: string): void {
  const keyboard = new Keyboard((input) => feedTerminal(id, key, input));
  screen.onData((data) => keyboard.type(data));
  screen.onResize(({ cols, rows }) => keyboard.resize({ cols, rows }));
  screen.focus();
}

function show(screen: Terminal, id: string, event: TerminalEvent): string | undefined {
  if (event.type === 'data') screen.write(event.data);
  else if (event.type === 'open') attach(screen, id, event.key);
  else return event.type === 'exit' ? `The shell ended with exit code ${event.exitCode}.` : event.message;
}

async function run({ sandbox, host, signal, tell }: Session): Promise<void> {
  const [screen, id] = [await makeScreen(host, signal), await sandbox.open()];
  if (signal.aborted) return;
  tell('');
  const size = { cols: screen.cols, rows: screen.rows };
  for await (const events of openTerminal(id, size, signal)) {
    for (const event of events) {
      const end = show(screen, id, event);
      if (end) tell(end);
    }
  }
}

export function TerminalView({ sandbox, visible }: { sandbox: SandboxState; visible: boolean }) {
  const host = useRef<HTMLDivElement>(null);
  const [status, setStatus] = useState('Opening…');
  const [round, setRound] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: one terminal a round; the sandbox's id is learnt on the way
  useEffect(() => {
    if (!host.current) return;
    const left = new AbortController();
    const tell = (words: string) => !left.signal.aborted && setStatus(words);
    tell('Opening…');
    const session = { sandbox, host: host.current, signal: left.signal, tell };
    run(session).catch((error) => tell(error.message));
    return () => left.abort();
  }, [round]);

  return (
    <div className="terminal" hidden={!visible}>
      <div className="screen" ref={host} />
      {status && (
        <p className="bar" role="status">
          <span>{status}</span>
          <button type="button" className="small" onClick={() => setRound(round + 1)}>
            Open again
          </button>
        </p>
      )}
    </div>
  );
}
