// POST { cols, rows }: opens a terminal, and answers with what it shows for as long as it lives.
import { answer, readJson } from '@/lib/http';
import { findSandbox } from '@/lib/sandboxes';
import { streamTerminal, toSize } from '@/lib/terminals';

interface Context {
  params: Promise<{ id: string }>;
}

export async function POST(request: Request, { params }: Context): Promise<Response> {
  try {
    const size = toSize(await readJson(request));
    return streamTerminal(await findSandbox((await params).id), size, request.signal);
  } catch (error) {
    return answer(() => Promise.reject(error));
  }
}
