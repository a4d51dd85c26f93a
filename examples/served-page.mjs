// Ports: a web server in the background of a sandbox, and its page fetched from this machine.

import { setTimeout as sleep } from 'node:timers/promises';
import { docker } from '@computesdk/docker';

/**
 * The server needs a moment to listen; until then connections are refused or closed.
 * @param {string} url
 */
async function fetchPage(url, attempts = 100) {
  try {
    const response = await fetch(url);
    return await response.text();
  } catch (error) {
    if (attempts === 0) throw error;
    await sleep(100);
    return fetchPage(url, attempts - 1);
  }
}

const provider = docker({ runtime: 'python', image: { name: 'python:3.11-slim' } });
const sandbox = await provider.sandbox.create({ ports: [8080] });
try {
  await sandbox.filesystem.writeFile('site/index.html', '<h1>Hello from a sandbox</h1>\n');
  const server = await sandbox.runCommand('exec python3 -m http.server 8080 --directory site', {
    background: true,
  });
  const url = await sandbox.getUrl({ port: 8080 });
  console.log(`process ${server.pid} serves at ${url}`);
  console.log((await fetchPage(url)).trim());
} finally {
  await sandbox.destroy();
}
