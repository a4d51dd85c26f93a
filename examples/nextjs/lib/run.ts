// A run as a stream of lines of JSON, each sent when the sandbox's program has printed something.
import type { DockerSandbox } from '@computesdk/docker';
import type { RunEvent, RunRequest } from './events';
import { BadRequest, explain } from './http';
import { hold } from './provider';

/** Characters; a program that prints for ever should not fill the browser. */
const MOST_OUTPUT = 1024 * 1024;

/** Bytes that the result keeps of each stream: they went to the browser already, only errors are looked for there. */
const MOST_KEPT = 64 * 1024;

class TooMuchOutput extends Error {}

/** The last event of a run that did not end by itself. */
function failed(error: unknown): RunEvent {
  if (error instanceof TooMuchOutput) return { type: 'error', code: 'OUTPUT', message: error.message };
  const { code, message } = error as { code?: string; message?: string };
  if (code === 'ERR_SYNTAX') return { type: 'error', code, message: message ?? '' };
  const told = explain(error);
  return { type: 'error', code: told.code, message: told.error };
}

async function run(
  sandbox: DockerSandbox,
  { code, timeout }: RunRequest,
  signal: AbortSignal,
  send: (event: RunEvent) => void,
): Promise<void> {
  let room = MOST_OUTPUT;
  const forward = (type: 'stdout' | 'stderr') => (text: string) => {
    send({ type, text });
    room -= text.length;
    // What a callback throws ends the program.
    if (room < 0) throw new TooMuchOutput('stopped: it printed more than a million characters');
  };
  const { exitCode, durationMs, timedOut } = await sandbox.runCode(code, {
    timeout,
    signal,
    maxOutputBytes: MOST_KEPT,
    onStdout: forward('stdout'),
    onStderr: forward('stderr'),
  });
  send({ type: 'exit', exitCode, ms: durationMs, timedOut: timedOut ?? false });
}

/** Runs code. The program ends when the browser goes away or stops reading. */
export function streamRun(sandbox: DockerSandbox, request: RunRequest, left: AbortSignal): Response {
  const gone = new AbortController();
  const signal = AbortSignal.any([left, gone.signal]);
  const release = hold(sandbox.sandboxId);
  const encoder = new TextEncoder();
  const lines = new ReadableStream<Uint8Array>({
    async start(controller) {
      const send = (event: RunEvent) => {
        if (!signal.aborted) controller.enqueue(encoder.encode(`${JSON.stringify(event)}\n`));
      };
      try {
        await run(sandbox, request, signal, send);
      } catch (error) {
        if (!signal.aborted) send(failed(error));
      } finally {
        release();
        if (!signal.aborted) controller.close();
      }
    },
    cancel: () => gone.abort(),
  });
  // `no-transform` keeps servers from collecting lines in order to compress them.
  const headers = { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store, no-transform' };
  return new Response(lines, { headers });
}

/** @throws {BadRequest} where the body of a request is no run */
export function toRunRequest(body: Record<string, unknown>): RunRequest {
  const { code, timeout } = body;
  if (typeof code !== 'string') throw new BadRequest('code: expected text');
  if (!Number.isInteger(timeout) || Number(timeout) < 1 || Number(timeout) > 60_000) {
    throw new BadRequest('timeout: expected 1 to 60000 milliseconds');
  }
  return { code, timeout: Number(timeout) };
}
