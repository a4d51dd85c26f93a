// Interactive-like loop: one sandbox, one command after the other. Files stay from step to step; a step that
// fails is a result, and the loop goes on.

const { docker } = require('@computesdk/docker');

const STEPS = [
  'echo boot > /tmp/state',
  'cat /tmp/state',
  'echo ready >> /tmp/state',
  'cat /tmp/missing',
  'wc -l < /tmp/state',
];

async function main() {
  const provider = docker({ runtime: 'node', image: { name: 'node:20-alpine' } });
  const sandbox = await provider.sandbox.create();
  try {
    for (const step of STEPS) {
      const { exitCode, stdout } = await sandbox.runCommand(step);
      console.log(`$ ${step}`);
      if (exitCode !== 0) console.log(`failed with exit code ${exitCode}`);
      else if (stdout) console.log(stdout.trim());
    }
  } finally {
    await sandbox.destroy();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
