// What a key does to the text of an editor.

export interface Selection {
  text: string;
  start: number;
  end: number;
}

/** Puts `insert` in the place of the text from `from` to `to`, and selects from `start` to `end` afterwards. */
export interface Change {
  from: number;
  to: number;
  insert: string;
  start: number;
  end: number;
}

const lineStart = (text: string, at: number) => text.lastIndexOf('\n', at - 1) + 1;

function insertAt({ start, end }: Selection, insert: string): Change {
  const caret = start + insert.length;
  return { from: start, to: end, insert, start: caret, end: caret };
}

/** Changes the beginning of each line that the selection touches. */
function eachLine({ text, start, end }: Selection, change: (line: string) => string): Change {
  const from = lineStart(text, start);
  const lines = text.slice(from, end).split('\n');
  const changed = lines.map(change);
  const insert = changed.join('\n');
  const first = (changed[0]?.length ?? 0) - (lines[0]?.length ?? 0);
  return { from, to: end, insert, start: Math.max(from, start + first), end: from + insert.length };
}

/** Tab: a step further in; a selection of several lines as a whole. */
export function indentMore(selection: Selection, indent: string): Change {
  const { text, start, end } = selection;
  if (text.slice(start, end).includes('\n')) return eachLine(selection, (line) => indent + line);
  const column = start - lineStart(text, start);
  return insertAt(selection, indent.slice(column % indent.length));
}

/** Shift+Tab: a step back. */
export function indentLess(selection: Selection, indent: string): Change {
  const { text, start, end } = selection;
  const from = lineStart(text, start);
  const until = text.indexOf('\n', end);
  const whole = { text, start, end: until < 0 ? text.length : until };
  const spaces = new RegExp(`^ {1,${indent.length}}`);
  const change = eachLine(whole, (line) => line.replace(spaces, ''));
  const removed = whole.end - from - change.insert.length;
  return { ...change, end: Math.max(change.start, end - removed) };
}

/** Enter: the next line begins where this one does, after `:` or an opening bracket a step further in. */
export function newLine(selection: Selection, indent: string): Change {
  const line = selection.text.slice(lineStart(selection.text, selection.start), selection.start);
  const own = /^ */.exec(line)?.[0] ?? '';
  return insertAt(selection, `\n${own}${/[:{([]\s*$/.test(line) ? indent : ''}`);
}
