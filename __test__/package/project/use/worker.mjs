import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { docker } from '@computesdk/docker';

async function hello(from) {
  const sandbox = await docker().sandbox.create();
  try {
    return (await sandbox.runCommand('echo', [`hello from ${from}`])).stdout;
  } finally {
    await sandbox.destroy();
  }
}

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  const told = new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  process.stdout.write(await told);
  process.stdout.write(await hello('the main thread'));
  if ((await ended) !== 0) throw new Error('the worker failed');
} else {
  parentPort.postMessage(await hello('a worker'));
}
