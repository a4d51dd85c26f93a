// The browser's side of the Route Handlers.
import type { Entry, FileContent, RunEvent, RunRequest, Runtime } from './events';

/** An answer that says no. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }

  /** Whether the sandbox is no more. */
  get gone(): boolean {
    return this.code === 'ERR_SANDBOX_NOT_FOUND' || this.code === 'ERR_SANDBOX_STOPPED';
  }
}

async function call(path: string, init?: RequestInit): Promise<Response> {
  const response = await fetch(path, { cache: 'no-store', ...init });
  if (response.ok) return response;
  const { error, code } = await response.json().catch(() => ({}));
  throw new Refused(error ?? `the server answered ${response.status}`, code ?? '');
}

const post = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const fileUrl = (id: string, kind: 'file' | 'files', path: string) =>
  `/api/sandbox/${id}/${kind}?path=${encodeURIComponent(path)}`;

/** The sandbox of that id where it is still there, else a new one. */
export async function openSandbox(runtime: Runtime, sandboxId?: string): Promise<string> {
  const response = await call('/api/sandbox', post({ runtime, sandboxId }));
  return (await response.json()).sandboxId;
}

/** Rejects where the sandbox is no more. */
export async function checkSandbox(id: string, signal: AbortSignal): Promise<void> {
  await call(`/api/sandbox/${id}`, { signal });
}

export async function endSandbox(id: string): Promise<void> {
  await call(`/api/sandbox/${id}`, { method: 'DELETE' });
}

export async function listFiles(id: string, folder: string, signal: AbortSignal): Promise<Entry[]> {
  const response = await call(fileUrl(id, 'files', folder), { signal });
  return (await response.json()).entries;
}

export async function readFile(id: string, path: string): Promise<FileContent> {
  return (await call(fileUrl(id, 'file', path))).json();
}

export async function writeFile(id: string, path: string, text: string): Promise<void> {
  await call(fileUrl(id, 'file', path), { method: 'PUT', body: text });
}

export async function removeFile(id: string, path: string): Promise<void> {
  await call(fileUrl(id, 'file', path), { method: 'DELETE' });
}

/** Runs code; gives the events of a run as they arrive, those that came together as one list. */
export async function* runCode(
  id: string,
  request: RunRequest,
  signal: AbortSignal,
): AsyncGenerator<RunEvent[]> {
  const response = await call(`/api/sandbox/${id}/run`, { ...post(request), signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: '' };
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) yield lines.map((line) => JSON.parse(line));
  }
}
