// GET: what a sandbox is. DELETE: ends it.
import { answer } from '@/lib/http';
import { findSandbox, provider } from '@/lib/sandboxes';

interface Context {
  params: Promise<{ id: string }>;
}

export function GET(_request: Request, { params }: Context): Promise<Response> {
  return answer(async () => {
    const sandbox = await findSandbox((await params).id);
    const { runtime, status, createdAt } = await sandbox.getInfo();
    return { sandboxId: sandbox.sandboxId, runtime, status, createdAt };
  });
}

export function DELETE(_request: Request, { params }: Context): Promise<Response> {
  return answer(async () => provider.sandbox.destroy((await params).id));
}
