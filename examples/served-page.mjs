// Ports: a web server in the background of a sandbox, and its page fetched from this machine.

import { docker } from '@computesdk/docker';

const provider = docker({ runtime: 'python', image: { name: 'python:3.11-slim' } });
const sandbox = await provider.sandbox.create({ ports: [8080] });
try {
  await sandbox.filesystem.writeFile('site/index.html', '<h1>Hello from a sandbox</h1>\n');
  const server = await sandbox.runCommand('exec python3 -m http.server 8080 --directory site', {
    background: true,
  });
  await sandbox.processes.waitForPort(8080);
  const url = await sandbox.getUrl({ port: 8080 });
  console.log(`process ${server.pid} serves at ${url}`);
  const page = await fetch(url);
  console.log((await page.text()).trim());
} finally {
  await sandbox.destroy();
}
