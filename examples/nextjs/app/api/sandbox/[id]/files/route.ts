// GET ?path=/workspace: what is in a folder.
import { listFolder, pathOf } from '@/lib/files';
import { answer } from '@/lib/http';
import { findSandbox } from '@/lib/sandboxes';

interface Context {
  params: Promise<{ id: string }>;
}

export function GET(request: Request, { params }: Context): Promise<Response> {
  return answer(async () => {
    const folder = pathOf(request);
    return { entries: await listFolder(await findSandbox((await params).id), folder) };
  });
}
