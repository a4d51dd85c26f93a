// The documented calls type-check, and mistakes do not. Compiled, never run.
import { PassThrough } from 'node:stream';
import {
  AbortError,
  type ComputeResponse,
  createCompute,
  createDockerCompute,
  DockerProviderError,
  docker,
  type ExecutionResult,
  type FileEntry,
  handleComputeRequest,
  type Runtime,
} from '@computesdk/docker';

const provider = docker({
  runtime: 'node',
  image: {
    name: 'node:20-alpine',
    pullPolicy: 'ifNotPresent',
    auth: { username: 'u', password: 'p' },
    platform: 'linux/amd64',
    onPullProgress: ({ status, total }) => console.log(status.length, total?.toFixed()),
  },
  container: {
    workdir: '/workspace',
    env: { FOO: 'bar' },
    ports: { '8080/tcp': [{ hostPort: 8080, hostIP: '127.0.0.1' }] },
    resources: { memory: 512 * 1024 * 1024, nanoCPUs: 1e9, ulimits: [{ name: 'nofile', soft: 1, hard: 2 }] },
    gpus: 'all',
  },
  createOptions: { HostConfig: { Dns: ['1.1.1.1'] } },
  cleanup: 'onSuccess',
  session: 'auto',
});

export async function run(): Promise<ExecutionResult> {
  const sandbox = await provider.sandbox.create({
    runtime: 'python',
    ports: [8080],
    signal: new AbortController().signal,
  });
  const code = await sandbox.runCode('print(1)', 'python', { timeout: 1000 });
  code.output.trim();
  code.language.trim();
  await sandbox.runCode('print(1)', { cwd: '/' });
  await sandbox.runCommand('sh', ['-lc', 'echo'], { background: true });
  const words: readonly string[] = ['-l'];
  await sandbox.runCommand('ls', words);
  const text: string = await sandbox.filesystem.readFile('/a');
  const bytes: Buffer = await sandbox.filesystem.readFile('/a', { encoding: null });
  await sandbox.filesystem.writeFile('/a', bytes);
  await sandbox.filesystem.writeFile('/a', text);
  const entries: FileEntry[] = await sandbox.filesystem.readdir('/');
  entries[0].modified.getTime();
  const runtimes: Runtime[] = provider.getSupportedRuntimes();
  runtimes.includes('node');
  const { container, docker: engine } = sandbox.getInstance();
  (await container.logs({ stdout: true })).toString();
  (await container.logs({ follow: true })).pipe(process.stdout);
  await engine.listContainers({ all: true });
  sandbox.getProvider().sandbox.destroy(sandbox.sandboxId);
  return sandbox.runCommand('ls -l', { onStderr: (data) => data.trim(), stdin: new Uint8Array(1) });
}

export async function live() {
  const sandbox = await provider.sandbox.create();
  const process = await sandbox.spawn('npm', ['test'] as const, {
    timeout: 1000,
    signal: AbortSignal.abort(),
  });
  process.stdout.pipe(new PassThrough());
  for await (const line of process) line.trim();
  await process.kill('SIGINT');
  const { exitCode, pid } = await (await sandbox.spawn('ls | head', { env: { A: 'b' } })).wait();
  const [first] = await sandbox.processes.list();
  if (first?.state === 'zombie') await sandbox.processes.kill(first.pid, 9);
  for await (const { stream, data } of sandbox.processes.logs(pid ?? exitCode, { follow: true }))
    stream + data;
  (await sandbox.processes.logs(7)).stderr.trim();
  const terminal = await sandbox.terminal.create({ cols: 80, onData: async (data) => data.trim() });
  await terminal.resize(80, 24);
  await terminal.resize({ cols: 80, rows: 24 });
  // @ts-expect-error the streams of a background command are its log's
  await sandbox.spawn('ls', { background: true });
}

export async function contexts() {
  const sandbox = await provider.sandbox.create();
  const context = await sandbox.createCodeContext({ runtime: 'python', env: { A: 'b' } });
  const { result } = await sandbox.runCode('1 + 1', { context, timeout: 1000 });
  await context.restart();
  return `${result?.text} ${result?.html ?? result?.png}`;
}

export async function creators() {
  const sandbox = await createCompute({ defaultProvider: provider }).sandbox.create();
  await sandbox.runCode('1', 'node');
  await (await createDockerCompute({ runtime: 'node' }).sandbox.create({ name: 'a' })).kill();
}

export async function POST(request: Request): Promise<Response> {
  return handleComputeRequest(request, provider);
}

export function answer(): Promise<ComputeResponse> {
  return handleComputeRequest({ request: { action: 'compute.sandbox.list' }, provider });
}

export function explain(error: unknown) {
  if (error instanceof AbortError) return error.code;
  if (error instanceof DockerProviderError) return `${error.code} ${error.statusCode} ${error.path}`;
  return undefined;
}

// @ts-expect-error an unknown runtime
docker({ runtime: 'ruby' });
// @ts-expect-error an unknown key
docker({ imag: { name: 'a' } });
// @ts-expect-error a wrong type deep inside
docker({ container: { resources: { memory: '1g' } } });
export async function mistakes() {
  const sandbox = await provider.sandbox.getById('a');
  // @ts-expect-error it may be null
  await sandbox.runCommand('ls');
  // @ts-expect-error args are strings
  await sandbox?.runCommand('ls', [1]);
}
