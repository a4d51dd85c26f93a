// A sandbox fits the types of ComputeSDK's earlier generations, whose programs use the provider directly.
// Compiled, never run.
import { createCompute, type DockerSandbox, docker, handleComputeRequest } from '@computesdk/docker';
import type * as first from 'computesdk-1';
import type * as second from 'computesdk-2';

declare const sandbox: DockerSandbox;

export const asFirst: first.SandboxInterface = sandbox;
export const asSecond: second.SandboxInterface = sandbox;

/** What a program of these generations writes down of the results it gets. */
export async function results() {
  const code: first.CodeResult & second.CodeResult = await sandbox.runCode('print(1)', 'python');
  const command: first.CommandResult & second.CommandResult = await sandbox.runCommand('ls', { cwd: '/' });
  const info: first.SandboxInfo & second.SandboxInfo = await sandbox.getInfo();
  const entries: Array<first.FileEntry & second.FileEntry> = await sandbox.filesystem.readdir('/');
  return [code.output, command.durationMs, info.status, entries.length];
}

/** Options in the earlier types pass as they are. */
export async function options(run: first.RunCommandOptions & second.RunCommandOptions) {
  await sandbox.runCommand('ls', run);
  const files: first.SandboxFileSystem & second.SandboxFileSystem = sandbox.filesystem;
  await files.writeFile('/a', 'b');
}

/** computesdk 1.7, which is in no registry: its calls as the documentation of that time shows them. */
export async function seed(request: Request) {
  const provider = docker({
    runtime: 'python',
    image: { name: 'python:3.11-slim', pullPolicy: 'ifNotPresent' },
  });
  const compute = createCompute({ defaultProvider: provider });
  const made = await compute.sandbox.create({ options: { runtime: 'python' } });
  const { stdout, executionTime } = await made.runCode('print(1)', 'python');
  const { pid, isBackground } = await made.runCommand('sleep', ['1'], { background: true });
  await compute.sandbox.destroy(provider, made.sandboxId);
  await made.kill();
  const body = await request.json();
  return [stdout, executionTime, pid, isBackground, await handleComputeRequest(body, provider)];
}

export async function mistakes(other: second.RunCommandOptions) {
  // @ts-expect-error what a command gives is no result of code
  const missing: first.CodeResult = await sandbox.runCommand('ls', other);
  return missing;
}
