// Live output: what a command prints arrives while it still runs. Here each line is answered with a file that the
// command waits for, which only works when the line comes before the command's end.

import { docker } from '@computesdk/docker';

const SCRIPT = `
for step in one two three; do
  echo "step $step"
  until [ -e "/tmp/seen-$step" ]; do sleep 0.05; done
done
echo "a warning" >&2
`;

const provider = docker({ runtime: 'node', image: { name: 'node:20-alpine' } });
const sandbox = await provider.sandbox.create();
try {
  const { exitCode } = await sandbox.runCommand(SCRIPT, {
    timeout: 60_000,
    onStdout: async (text) => {
      console.log(`live: ${text.trim()}`);
      await sandbox.filesystem.writeFile(`/tmp/seen-${text.trim().split(' ').at(-1)}`, '');
    },
    onStderr: (text) => console.log(`live, stderr: ${text.trim()}`),
  });
  console.log(`exit code ${exitCode}`);
} finally {
  await sandbox.destroy();
}
