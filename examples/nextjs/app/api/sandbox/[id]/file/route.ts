// GET, PUT, DELETE ?path=/workspace/notes.txt: a file's text; PUT takes it as the body.
import { pathOf, showFile } from '@/lib/files';
import { answer } from '@/lib/http';
import { findSandbox } from '@/lib/sandboxes';

interface Context {
  params: Promise<{ id: string }>;
}

export function GET(request: Request, { params }: Context): Promise<Response> {
  return answer(async () => showFile(await findSandbox((await params).id), pathOf(request)));
}

export function PUT(request: Request, { params }: Context): Promise<Response> {
  return answer(async () => {
    const { filesystem } = await findSandbox((await params).id);
    await filesystem.writeFile(pathOf(request), await request.text());
  });
}

export function DELETE(request: Request, { params }: Context): Promise<Response> {
  return answer(async () => {
    const { filesystem } = await findSandbox((await params).id);
    await filesystem.remove(pathOf(request));
  });
}
