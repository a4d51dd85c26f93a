import { type DockerConfig, type DockerSandbox, docker, type ExecutionResult } from '@computesdk/docker';

const config: DockerConfig = { runtime: 'python', container: { env: { WHO: 'TypeScript as CommonJS' } } };

async function hello(sandbox: DockerSandbox): Promise<ExecutionResult> {
  return sandbox.runCommand('echo "hello from $WHO"', { timeout: 60_000 });
}

async function main(): Promise<void> {
  const sandbox = await docker(config).sandbox.create({ metadata: { kind: 'typed' } });
  try {
    const { stdout, exitCode } = await hello(sandbox);
    const bytes: Buffer = await sandbox.filesystem.readFile('/etc/hostname', { encoding: null });
    if (exitCode !== 0 || bytes.length === 0) throw new Error('it did not run');
    process.stdout.write(stdout);
  } finally {
    await sandbox.destroy();
  }
}

main();
