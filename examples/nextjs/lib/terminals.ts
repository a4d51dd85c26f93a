// Terminals: what is shown goes out as lines of JSON for as long as the browser listens; keys and sizes come in by
// requests of their own.
import { randomUUID } from 'node:crypto';
import { DockerProviderError, type DockerSandbox } from '@computesdk/docker';
import type { TerminalEvent, TerminalInput, TerminalSize } from './events';
import { BadRequest } from './http';
import { hold, state } from './provider';

const MOST_CELLS = 1000;
const MOST_KEYS = 64 * 1024;

/** Opens a terminal. It ends with the browser's connection. */
export function streamTerminal(sandbox: DockerSandbox, size: TerminalSize, left: AbortSignal): Response {
  const key = randomUUID();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  // Waiting for the browser slows the programs; a browser that has gone rejects, which ends the terminal.
  const send = (event: TerminalEvent) => writer.write(encoder.encode(`${JSON.stringify(event)}\n`));
  const release = hold(sandbox.sandboxId);
  const show = async () => {
    const terminal = await sandbox.terminal.create({
      ...size,
      signal: left,
      onData: (data) => send({ type: 'data', data }),
    });
    state.terminals.set(key, { sandboxId: sandbox.sandboxId, terminal });
    await send({ type: 'open', key });
    const { exitCode } = await terminal.wait();
    await send({ type: 'exit', exitCode });
  };
  show()
    .catch(async (error) => {
      if (!left.aborted) await send({ type: 'error', message: explainEnd(error) });
    })
    .then(() => writer.close())
    // The browser has gone: nobody is left to be told.
    .catch(() => undefined)
    .finally(() => {
      release();
      state.terminals.delete(key);
    });
  const headers = { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store, no-transform' };
  return new Response(readable, { headers });
}

function explainEnd(error: unknown): string {
  if (error instanceof DockerProviderError && error.code === 'ERR_SESSION_LOST')
    return 'The sandbox has ended.';
  console.error(error);
  return 'The terminal could not be opened.';
}

/** Types into a terminal, or gives it another size. */
export async function feedTerminal(sandboxId: string, key: string, input: TerminalInput): Promise<void> {
  const open = state.terminals.get(key);
  if (open?.sandboxId !== sandboxId) throw new BadRequest('the terminal has ended', 404);
  if (input.size) await open.terminal.resize(input.size);
  if (input.data) await open.terminal.write(input.data);
}

/** @throws {BadRequest} where the body of a request is no size */
export function toSize({ cols, rows }: Record<string, unknown>): TerminalSize {
  const fits = (value: unknown) =>
    Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MOST_CELLS;
  if (!fits(cols) || !fits(rows)) throw new BadRequest(`cols, rows: expected 1 to ${MOST_CELLS}`);
  return { cols: Number(cols), rows: Number(rows) };
}

/** @throws {BadRequest} where the body of a request is no input */
export function toInput({ data, size }: Record<string, unknown>): TerminalInput {
  if (data !== undefined && (typeof data !== 'string' || data.length > MOST_KEYS)) {
    throw new BadRequest('data: expected text');
  }
  const given = size && typeof size === 'object' ? toSize(size as Record<string, unknown>) : undefined;
  return { data, size: given };
}
