// POST { data?, size? }: keys for an open terminal, and its new size.
import { answer, readJson } from '@/lib/http';
import { feedTerminal, toInput } from '@/lib/terminals';

interface Context {
  params: Promise<{ id: string; key: string }>;
}

export function POST(request: Request, { params }: Context): Promise<Response> {
  return answer(async () => {
    const { id, key } = await params;
    await feedTerminal(id, key, toInput(await readJson(request)));
  });
}
