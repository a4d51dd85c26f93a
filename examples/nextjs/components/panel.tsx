'use client';
// Below the code: what the program prints, and a terminal in the same sandbox, as two tabs.
import { type ReactNode, useState } from 'react';
import { Ended, Output } from './output';
import { TerminalView } from './terminal';
import type { RunState } from './use-run';
import type { SandboxState } from './use-sandbox';

type Tab = 'output' | 'terminal';

interface ChoiceProps {
  tab: Tab;
  chosen: Tab;
  onChoose(tab: Tab): void;
  children: ReactNode;
}

function Choice({ tab, chosen, onChoose, children }: ChoiceProps) {
  return (
    <button
      type="button"
      role="tab"
      id={`${tab}-tab`}
      className="tab"
      aria-selected={tab === chosen}
      aria-controls={`${tab}-panel`}
      onClick={() => onChoose(tab)}
    >
      {children}
    </button>
  );
}

export function Panel({ run, sandbox }: { run: RunState; sandbox: SandboxState }) {
  const [tab, choose] = useState<Tab>('output');
  // Opened when it is first looked at, and kept from then on.
  const [opened, setOpened] = useState(false);
  const onChoose = (next: Tab) => {
    choose(next);
    if (next === 'terminal') setOpened(true);
  };
  return (
    <section className="card output" aria-label="Output">
      <header className="bar">
        <div role="tablist" aria-label="Output or terminal" className="tabs">
          <Choice tab="output" chosen={tab} onChoose={onChoose}>
            Output
          </Choice>
          <Choice tab="terminal" chosen={tab} onChoose={onChoose}>
            Terminal
          </Choice>
        </div>
        <Ended {...run} />
      </header>
      <div role="tabpanel" id="output-panel" aria-labelledby="output-tab" hidden={tab !== 'output'}>
        <Output {...run} />
      </div>
      <div role="tabpanel" id="terminal-panel" aria-labelledby="terminal-tab" hidden={tab !== 'terminal'}>
        {opened && <TerminalView sandbox={sandbox} visible={tab === 'terminal'} />}
      </div>
    </section>
  );
}
