// Answers of the Route Handlers: JSON, and failures that tell the browser no more than it should know.

const STATUS: Record<string, number> = {
  ERR_SANDBOX_NOT_FOUND: 404,
  ERR_SANDBOX_STOPPED: 404,
  ERR_INVALID_CONFIG: 400,
  ERR_UNSUPPORTED_RUNTIME: 400,
  ERR_UNSUPPORTED: 503,
  ENOENT: 404,
  EACCES: 403,
  EISDIR: 400,
  ENOTDIR: 400,
  ENOSPC: 507,
};

/** Their messages name sockets or registries of the server. */
const VEILED: Record<string, string> = {
  ERR_DOCKER_UNREACHABLE: 'Docker cannot be reached. Is it running?',
  ERR_IMAGE_NOT_FOUND: 'The image of this language is not there and could not be pulled.',
  ERR_IMAGE_PULL: 'The image of this language could not be pulled.',
};

/** A request that cannot be served. */
export class BadRequest extends Error {
  constructor(
    message: string,
    readonly status = 400,
  ) {
    super(message);
  }
}

/** What the browser is told of an error. */
export function explain(error: unknown): { status: number; code: string; error: string } {
  if (error instanceof BadRequest) {
    return { status: error.status, code: 'BAD_REQUEST', error: error.message };
  }
  const { code = '', message = '' } = (error ?? {}) as { code?: string; message?: string };
  if (code in STATUS) return { status: STATUS[code] ?? 500, code, error: message };
  console.error(error);
  return { status: code in VEILED ? 503 : 500, code, error: VEILED[code] ?? 'Something went wrong.' };
}

/** Answers what `work` gives as JSON. */
export async function answer(work: () => Promise<unknown>): Promise<Response> {
  try {
    return Response.json((await work()) ?? {}, { headers: { 'cache-control': 'no-store' } });
  } catch (error) {
    const { status, ...body } = explain(error);
    return Response.json(body, { status });
  }
}

/** The body of a request, which has to be a JSON object. */
export async function readJson(request: Request): Promise<Record<string, unknown>> {
  const body: unknown = await request.json().catch(() => null);
  if (body && typeof body === 'object' && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new BadRequest('expected a JSON object');
}

/** A field of a body that has to be text. */
export function text(body: Record<string, unknown>, field: string): string {
  const value = body[field];
  if (typeof value === 'string') return value;
  throw new BadRequest(`${field}: expected text`);
}
