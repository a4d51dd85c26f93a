// `handleComputeRequest`: what a route handler of a web server passes on to a provider. A request body is not to be
// trusted: only the fields named here are read, and an answer never holds a stack trace or a path of the host.
'use strict';

/** @typedef {import('../index').ComputeRequest} ComputeRequest */
/** @typedef {import('../index').ComputeResponse} ComputeResponse */
/** @typedef {import('../index').ProviderLike} ProviderLike */
/** @typedef {{ provider: ProviderLike, body: ComputeRequest }} Call */
/** @typedef {{ status: number, answer: ComputeResponse }} Reply */

/** A request that cannot be served, with the HTTP status that says so. */
class Refusal extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// `user` is missing on purpose: a request must not choose to be root in the sandbox.
const COMMAND_OPTIONS = ['cwd', 'env', 'timeout', 'background', 'stdin', 'maxOutputBytes'];
const CREATE_OPTIONS = [
  'runtime',
  'timeout',
  'sandboxId',
  'image',
  'templateId',
  'snapshotId',
  'envs',
  'metadata',
  'name',
  'namespace',
  'ports',
];

// Messages of these codes speak of the request or of the sandbox. Others may name sockets and folders of the host.
const TELLING = new Set([
  'ERR_INVALID_CONFIG',
  'ERR_UNSUPPORTED_RUNTIME',
  'ERR_SANDBOX_NOT_FOUND',
  'ERR_SANDBOX_STOPPED',
  'ERR_SYNTAX',
  'ERR_IMAGE_NOT_FOUND',
  'ERR_SNAPSHOT_NOT_FOUND',
  'ERR_TEMPLATE_NOT_FOUND',
  'ERR_PORT_NOT_PUBLISHED',
  'ERR_UNSUPPORTED',
  'ERR_CANNOT_RUN',
]);
/** @type {Record<string, string>} */
const VEILED = {
  ERR_DOCKER_UNREACHABLE: 'the Docker engine cannot be reached',
  ERR_IMAGE_PULL: 'the image could not be pulled',
  ERR_REGISTRY_AUTH: 'the registry refused to hand out the image',
  ERR_SESSION_LOST: 'the connection to the sandbox broke',
  ERR_AGENT_UNAVAILABLE: 'the sandbox cannot run commands',
  ABORT_ERR: 'the operation was aborted',
};

/** @param {any} error */
function explain(error) {
  if (error instanceof Refusal) return error.message;
  const code = typeof error?.code === 'string' ? error.code : '';
  if (TELLING.has(code) || error?.syscall) return error.message;
  return VEILED[code] ?? 'the operation failed';
}

/** @param {any} error */
function statusOf(error) {
  if (error instanceof Refusal) return error.status;
  if (error?.code === 'ERR_SANDBOX_NOT_FOUND') return 404;
  return error?.code === 'ERR_INVALID_CONFIG' || error?.code === 'ERR_UNSUPPORTED_RUNTIME' ? 400 : 500;
}

/** @param {ComputeRequest} body @param {'code' | 'command' | 'path' | 'content' | 'sandboxId'} field */
function required(body, field) {
  const value = body[field];
  if (typeof value === 'string' && (value !== '' || field === 'content' || field === 'code')) return value;
  const action = String(body.action).split('.').pop();
  const name = field === 'sandboxId' ? 'Sandbox ID' : field[0].toUpperCase() + field.slice(1);
  throw new Refusal(400, `${name} is required for ${action} action`);
}

/**
 * @param {unknown} given
 * @param {string} path
 * @param {string[]} known
 * @returns {Record<string, any> | undefined}
 */
function readOptions(given, path, known) {
  if (given === undefined || given === null) return undefined;
  if (typeof given !== 'object' || Array.isArray(given))
    throw new Refusal(400, `${path}: expected an object`);
  const other = Object.keys(given).find((key) => !known.includes(key));
  if (other !== undefined) throw new Refusal(400, `${path}.${other}: not accepted in a request`);
  return given;
}

/** @param {Call} call */
function create({ provider, body }) {
  const options = readOptions(body.options, 'options', CREATE_OPTIONS) ?? {};
  const runtime = options.runtime ?? body.runtime;
  return provider.sandbox.create(runtime === undefined ? options : { ...options, runtime });
}

/** @param {Call} call */
async function existing({ provider, body }) {
  const id = required(body, 'sandboxId');
  const sandbox = await provider.sandbox.getById(id);
  if (!sandbox) throw new Refusal(404, `Sandbox with ID ${id} not found`);
  return sandbox;
}

/**
 * Runs `work` in the sandbox that the request names, or in a new one, which stays for the next request; it goes
 * when the work fails, for nobody would know its id.
 * @param {Call} call
 * @param {(sandbox: any) => Promise<Partial<ComputeResponse>>} work
 * @returns {Promise<Partial<ComputeResponse>>}
 */
async function inSandbox(call, work) {
  if (call.body.sandboxId) return work(await existing(call));
  const sandbox = await create(call);
  try {
    return { sandboxId: sandbox.sandboxId, ...(await work(sandbox)) };
  } catch (error) {
    await sandbox.destroy().catch(() => undefined);
    throw error;
  }
}

/** @param {any} run */
function resultOf({
  stdout,
  stderr,
  exitCode,
  executionTime,
  durationMs,
  isBackground,
  pid,
  timedOut,
  truncated,
}) {
  return {
    stdout,
    stderr,
    exitCode,
    executionTime: executionTime ?? durationMs,
    ...(isBackground && { isBackground, pid }),
    ...(timedOut && { timedOut }),
    ...(truncated && { truncated }),
  };
}

/** @param {ComputeRequest} body */
function argsOf({ args }) {
  if (args === undefined || args === null) return [];
  if (Array.isArray(args) && args.every((word) => typeof word === 'string')) return args;
  throw new Refusal(400, 'args: expected an array of strings');
}

/** @param {Call} call */
function runCode(call) {
  const code = required(call.body, 'code');
  const options = readOptions(call.body.commandOptions, 'commandOptions', COMMAND_OPTIONS);
  return inSandbox(call, async (sandbox) => ({
    result: resultOf(await sandbox.runCode(code, call.body.runtime ?? undefined, options)),
  }));
}

/** @param {Call} call */
function runCommand(call) {
  const command = required(call.body, 'command');
  const args = argsOf(call.body);
  const options = readOptions(call.body.commandOptions, 'commandOptions', COMMAND_OPTIONS);
  return inSandbox(call, async (sandbox) => ({
    result: resultOf(await sandbox.runCommand(command, args, options)),
  }));
}

/** @param {any} info */
function infoOf({ id, provider, runtime, status, createdAt, timeout, metadata }) {
  return { id, provider, runtime, status, createdAt: createdAt.toISOString(), timeout, metadata };
}

/** @param {any} entry */
function fileOf({ name, path, isDirectory, size, lastModified }) {
  return { name, path, isDirectory, size, lastModified: lastModified.toISOString() };
}

/** @param {(files: any, path: string, body: ComputeRequest) => Promise<Partial<ComputeResponse> | void>} work */
function fileAction(work) {
  return (/** @type {Call} */ call) => {
    const path = required(call.body, 'path');
    return inSandbox(call, async (sandbox) => (await work(sandbox.filesystem, path, call.body)) ?? {});
  };
}

/** @type {Record<string, (call: Call) => Promise<Partial<ComputeResponse>>>} */
const ACTIONS = {
  'compute.sandbox.create': async (call) => ({ sandboxId: (await create(call)).sandboxId }),
  'compute.sandbox.list': async ({ provider }) => ({
    sandboxes: (await provider.sandbox.list()).map((sandbox) => ({
      sandboxId: sandbox.sandboxId,
      provider: sandbox.provider,
    })),
  }),
  'compute.sandbox.destroy': async ({ provider, body }) => {
    await provider.sandbox.destroy(required(body, 'sandboxId'));
    return {};
  },
  'compute.sandbox.getInfo': async (call) => ({ info: infoOf(await (await existing(call)).getInfo()) }),
  'compute.sandbox.runCode': runCode,
  'compute.sandbox.runCommand': runCommand,
  'compute.sandbox.filesystem.readFile': fileAction(async (files, path) => ({
    fileContent: await files.readFile(path),
  })),
  'compute.sandbox.filesystem.writeFile': (call) => {
    const content = required(call.body, 'content');
    return fileAction((files, path) => files.writeFile(path, content))(call);
  },
  'compute.sandbox.filesystem.mkdir': fileAction((files, path) => files.mkdir(path)),
  'compute.sandbox.filesystem.readdir': fileAction(async (files, path) => ({
    files: (await files.readdir(path)).map(fileOf),
  })),
  'compute.sandbox.filesystem.exists': fileAction(async (files, path) => ({
    exists: await files.exists(path),
  })),
  'compute.sandbox.filesystem.remove': fileAction((files, path) => files.remove(path)),
};

/** @param {unknown} body @returns {ComputeRequest} */
function checkBody(body) {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) {
    throw new Refusal(400, 'the request body must be a JSON object');
  }
  const { action, sandboxId } = /** @type {ComputeRequest} */ (body);
  if (typeof action !== 'string' || !Object.hasOwn(ACTIONS, action)) {
    throw new Refusal(400, `Unknown action: ${typeof action === 'string' ? action : typeof action}`);
  }
  if (sandboxId !== undefined && sandboxId !== null && typeof sandboxId !== 'string') {
    throw new Refusal(400, 'sandboxId: expected a string');
  }
  return /** @type {ComputeRequest} */ (body);
}

/** @param {ProviderLike} provider @param {unknown} read gives the body, or throws a Refusal @returns {Promise<Reply>} */
async function reply(provider, read) {
  const name = provider.name ?? 'docker';
  let sandboxId = '';
  try {
    const body = checkBody(typeof read === 'function' ? await read() : read);
    sandboxId = body.sandboxId ?? '';
    const fields = await ACTIONS[body.action]({ provider, body });
    return { status: 200, answer: { success: true, sandboxId, provider: name, ...fields } };
  } catch (error) {
    const answer = { success: false, error: explain(error), sandboxId, provider: name };
    return { status: statusOf(error), answer };
  }
}

/** By shape: frameworks bring their own `Request`. @param {any} value @returns {value is Request} */
function isWebRequest(value) {
  return typeof value?.json === 'function' && typeof value.method === 'string';
}

/** @param {Request} request */
async function bodyOf(request) {
  if (request.method !== 'POST') throw new Refusal(405, 'only POST requests are accepted');
  try {
    return await request.json();
  } catch {
    throw new Refusal(400, 'the request body is not valid JSON');
  }
}

/** @param {unknown} request a Web `Request` or a parsed body */
function reader(request) {
  return isWebRequest(request) ? () => bodyOf(request) : () => request;
}

/**
 * @param {any} request
 * @param {ProviderLike} [provider]
 */
async function handleComputeRequest(request, provider) {
  if (provider === undefined && request?.provider?.sandbox) {
    return (await reply(request.provider, reader(request.request))).answer;
  }
  if (!provider?.sandbox)
    throw new TypeError('handleComputeRequest: expected a provider as the second argument');
  const { status, answer } = await reply(provider, reader(request));
  const headers = status === 405 ? { allow: 'POST' } : undefined;
  return Response.json(answer, { status, headers });
}

module.exports = { handleComputeRequest };
