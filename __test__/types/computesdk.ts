// The provider fits every place where ComputeSDK takes one. Compiled, never run.
import { type DockerConfig, type DockerProvider, type DockerSandbox, docker } from '@computesdk/docker';
import { createCompute, type Provider, type ProviderSandbox } from '@computesdk/provider';
import { compute, type ExplicitComputeConfig, type SandboxInterface } from 'computesdk';
import type Dockerode from 'dockerode';

declare const sandbox: DockerSandbox;
const provider: DockerProvider = docker();

export const asProvider: Provider = provider;
export const asSandbox: ProviderSandbox = sandbox;
export const asInterface: SandboxInterface = sandbox;
export const asConfig: ExplicitComputeConfig = { provider, providers: [provider] };

export async function computeOfToday() {
  const manager = compute({ provider });
  const made = await manager.sandbox.create({
    runtime: 'python',
    image: 'python:3.11-slim',
    envs: { A: '1' },
  });
  const { stdout, exitCode, durationMs } = await made.runCommand('ls', {
    cwd: '/',
    onStdout: (text) => text.trim(),
  });
  compute.setConfig({ providers: [provider] });
  return [stdout, exitCode, durationMs];
}

export async function computeOfTheFramework() {
  const made = await createCompute({ defaultProvider: provider }).sandbox.create();
  return made.getProvider().name;
}

// dockerode's own options are ours.
declare const connection: Pick<
  Dockerode.DockerOptions,
  'socketPath' | 'host' | 'port' | 'protocol' | 'ca' | 'cert' | 'version' | 'timeout' | 'headers' | 'username'
>;
declare const createOptions: Dockerode.ContainerCreateOptions;
declare const startOptions: Dockerode.ContainerStartOptions;
export const config: DockerConfig = {
  connection,
  createOptions: { ...createOptions },
  startOptions: { ...startOptions },
};
