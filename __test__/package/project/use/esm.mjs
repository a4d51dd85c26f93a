import * as everything from '@computesdk/docker';
import { DockerProviderError, docker } from '@computesdk/docker';

if (everything.docker !== docker) throw new Error('two of them');
const sandbox = await docker().sandbox.create();
try {
  await sandbox.filesystem.writeFile('name.txt', 'an ES module');
  const { stdout } = await sandbox.runCommand('cat name.txt', { onStdout() {} });
  const code = await sandbox.runCode('print(6 * 7)', 'python');
  const failure = await sandbox.filesystem.readFile('missing').catch((error) => error);
  if (!(failure instanceof DockerProviderError && failure.code === 'ENOENT')) throw failure;
  console.log(`hello from ${stdout}, ${code.stdout.trim()}`);
} finally {
  await sandbox.destroy();
}
