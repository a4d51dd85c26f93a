// POST { runtime, sandboxId? }: the sandbox of that id where it is still there, else a new one.
import { answer, readJson, text } from '@/lib/http';
import { provider } from '@/lib/sandboxes';

export function POST(request: Request): Promise<Response> {
  return answer(async () => {
    const body = await readJson(request);
    const runtime = text(body, 'runtime') as 'python' | 'node';
    const found = body.sandboxId ? await provider.sandbox.getById(text(body, 'sandboxId')) : null;
    const sandbox = found ?? (await provider.sandbox.create({ runtime, signal: request.signal }));
    return { sandboxId: sandbox.sandboxId, found: found !== null };
  });
}
