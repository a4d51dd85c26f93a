'use client';
// One file of the sandbox, to look at and to change.
import { useEffect, useRef, useState } from 'react';
import { readFile, removeFile, writeFile } from '@/lib/client';
import type { FileContent } from '@/lib/events';

interface Props {
  id: string;
  path: string;
  /** Changes when a run may have changed the file. */
  version: unknown;
  onChanged(): void;
  onClose(): void;
}

export function FileView({ id, path, version, onChanged, onClose }: Props) {
  const [content, setContent] = useState<FileContent>();
  const [draft, setDraft] = useState<string>();
  const [note, setNote] = useState('');
  const title = useRef<HTMLHeadingElement>(null);
  const name = path.split('/').at(-1);

  useEffect(() => title.current?.focus(), []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` says when to read again
  useEffect(() => {
    let left = false;
    readFile(id, path).then(
      (read) => !left && setContent(read),
      (error) => !left && setNote(error.message),
    );
    return () => {
      left = true;
    };
  }, [id, path, version]);

  async function change(work: Promise<void>, done: () => void) {
    try {
      await work;
      done();
      onChanged();
    } catch (error) {
      setNote((error as Error).message);
    }
  }

  const text = draft ?? content?.text ?? '';
  function save() {
    change(writeFile(id, path, text), () => {
      setContent({ text, size: text.length });
      setDraft(undefined);
      setNote('Saved');
    });
  }

  return (
    <section className="view" aria-label={`File ${name}`}>
      <header className="bar">
        <h3 tabIndex={-1} ref={title}>
          {name}
        </h3>
        <button type="button" className="small" onClick={onClose}>
          Close
        </button>
      </header>
      {content?.text === null ? (
        <p className="hint">{content.size.toLocaleString('en')} bytes, not text or too large to show.</p>
      ) : (
        <textarea
          aria-label={`Content of ${name}`}
          value={text}
          readOnly={!content}
          onChange={(event) => {
            setDraft(event.target.value);
            setNote('');
          }}
          spellCheck={false}
          wrap="off"
        />
      )}
      <footer className="bar">
        <p role="status" className="quiet">
          {note || (draft !== undefined && 'Changed')}
        </p>
        <button type="button" className="small" onClick={() => change(removeFile(id, path), onClose)}>
          Delete
        </button>
        <button type="button" className="small strong" disabled={draft === undefined} onClick={save}>
          Save
        </button>
      </footer>
    </section>
  );
}
