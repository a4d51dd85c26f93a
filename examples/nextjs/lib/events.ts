// What server and browser say to each other about a run: one JSON object a line, the last one `exit` or `error`.

export type Runtime = 'python' | 'node';

export type RunEvent =
  | { type: 'stdout' | 'stderr'; text: string }
  | { type: 'exit'; exitCode: number; ms: number; timedOut: boolean }
  | { type: 'error'; code: string; message: string };

export interface RunRequest {
  code: string;
  /** Milliseconds. */
  timeout: number;
}

export interface TerminalSize {
  cols: number;
  rows: number;
}

/** What a terminal's stream says: first `open`, last `exit` or `error`. */
export type TerminalEvent =
  | { type: 'open'; key: string }
  | { type: 'data'; data: string }
  | { type: 'exit'; exitCode: number }
  | { type: 'error'; message: string };

export interface TerminalInput {
  data?: string;
  size?: TerminalSize;
}

/** A file or folder, as `GET /api/sandbox/<id>/files` lists it. */
export interface Entry {
  name: string;
  path: string;
  isDirectory: boolean;
  size: number;
}

/** A file's text; null for one that is none, or too large to show. */
export interface FileContent {
  text: string | null;
  size: number;
}
