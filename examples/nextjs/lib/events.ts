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
