// POST { code, timeout }: runs code, and answers with its output while it is printed.
import { answer, readJson } from '@/lib/http';
import { streamRun, toRunRequest } from '@/lib/run';
import { findSandbox } from '@/lib/sandboxes';

interface Context {
  params: Promise<{ id: string }>;
}

export async function POST(request: Request, { params }: Context): Promise<Response> {
  try {
    const run = toRunRequest(await readJson(request));
    return streamRun(await findSandbox((await params).id), run, request.signal);
  } catch (error) {
    return answer(() => Promise.reject(error));
  }
}
