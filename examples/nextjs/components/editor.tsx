'use client';
// A plain text area that indents. Escape, then Tab leaves it: nobody gets stuck in it.
import { type KeyboardEvent, useRef } from 'react';
import { type Change, indentLess, indentMore, newLine } from '@/lib/editing';

interface Props {
  code: string;
  indent: string;
  language: string;
  onChange(code: string): void;
  onRun(): void;
}

/** By `execCommand`, since only that keeps the browser's undo. */
function apply(area: HTMLTextAreaElement, change: Change): void {
  area.setSelectionRange(change.from, change.to);
  document.execCommand(change.insert === '' ? 'delete' : 'insertText', false, change.insert);
  area.setSelectionRange(change.start, change.end);
}

export function Editor({ code, indent, language, onChange, onRun }: Props) {
  const leaving = useRef(false);
  const numbers = useRef<HTMLPreElement>(null);

  function onKeyDown(event: KeyboardEvent<HTMLTextAreaElement>) {
    const area = event.currentTarget;
    const selection = { text: area.value, start: area.selectionStart, end: area.selectionEnd };
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.nativeEvent.isComposing;
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      onRun();
    } else if (event.key === 'Tab' && plain && !leaving.current) {
      event.preventDefault();
      apply(area, (event.shiftKey ? indentLess : indentMore)(selection, indent));
    } else if (event.key === 'Enter' && plain) {
      event.preventDefault();
      apply(area, newLine(selection, indent));
    }
    if (event.key !== 'Shift') leaving.current = event.key === 'Escape';
  }

  const lines = code.split('\n').length;
  return (
    <div className="editor">
      <pre className="numbers" aria-hidden="true" ref={numbers}>
        {Array.from({ length: lines }, (_, index) => index + 1).join('\n')}
      </pre>
      <textarea
        id="code"
        aria-label={`${language} code`}
        aria-describedby="editor-keys"
        value={code}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={onKeyDown}
        onScroll={(event) => {
          if (numbers.current) numbers.current.scrollTop = event.currentTarget.scrollTop;
        }}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        autoCorrect="off"
        wrap="off"
      />
    </div>
  );
}
