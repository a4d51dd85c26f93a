const { docker } = require('@computesdk/docker');

(async () => {
  const sandbox = await docker({ runtime: 'python' }).sandbox.create();
  try {
    const { stdout } = await sandbox.runCommand('echo', ['hello from CommonJS']);
    process.stdout.write(stdout);
  } finally {
    await sandbox.destroy();
  }
})();
