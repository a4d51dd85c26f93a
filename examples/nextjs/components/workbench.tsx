'use client';
// The page: language and code on the left with the output below, the sandbox's files on the right.
import { useEffect, useState } from 'react';
import type { Runtime } from '@/lib/events';
import { LANGUAGES } from '@/lib/languages';
import { recall, recallRuntime, remember, rememberRuntime } from '@/lib/stored';
import { Controls } from './controls';
import { Editor } from './editor';
import { Files } from './files';
import { Output } from './output';
import { SandboxBadge } from './sandbox-badge';
import { useRun } from './use-run';
import { useSandbox } from './use-sandbox';

export function Workbench() {
  // Unknown until the browser has looked into the tab's storage: the server renders the page without it.
  const [known, setKnown] = useState<Runtime>();
  const [code, setCode] = useState('');
  const [seconds, setSeconds] = useState(10);
  const sandbox = useSandbox(known);
  const run = useRun(sandbox);
  const runtime = known ?? 'python';
  const language = LANGUAGES[runtime];

  function choose(next: Runtime) {
    setKnown(next);
    setCode(recall('code', next) ?? LANGUAGES[next].sample);
    rememberRuntime(next);
    run.clear();
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page is there
  useEffect(() => choose(recallRuntime()), []);

  function edit(next: string) {
    setCode(next);
    remember('code', runtime, next);
  }

  const start = () => run.run(code, seconds * 1000);
  return (
    <div className="page">
      <header className="top">
        <h1>Sandbox</h1>
        <SandboxBadge sandbox={sandbox} running={run.running} />
      </header>
      <main>
        <section className="card code" aria-labelledby="code-title">
          <h2 id="code-title" className="hidden">
            Code
          </h2>
          <Controls
            runtime={runtime}
            seconds={seconds}
            running={run.running}
            ready={known !== undefined}
            onRuntime={choose}
            onSeconds={setSeconds}
            onRun={start}
            onStop={run.stop}
          />
          <Editor
            code={code}
            indent={language.indent}
            language={language.name}
            onChange={edit}
            onRun={start}
          />
          <p id="editor-keys" className="keys">
            <kbd>Ctrl</kbd> <kbd>Enter</kbd> runs · <kbd>Tab</kbd> indents · <kbd>Esc</kbd> then{' '}
            <kbd>Tab</kbd> leaves the editor
          </p>
        </section>
        <Output {...run} />
        <Files id={sandbox.id} version={run.running} onGone={sandbox.forget} />
      </main>
    </div>
  );
}
