'use strict';

// Runs in a fresh process for bench/parts/process.js and prints one number; `cold` prints JSON.
//   load NAME          milliseconds that require() takes
//   cold NAME          from before require() to a sandbox: { from, to (ns), id }
//   memory NAME ID     MiB of resident memory added by loading and by 200 commands in a running sandbox

const MIB = 1024 * 1024;
const [what, name, id = ''] = process.argv.slice(2);

function load() {
  return name === 'dockerode' ? require('dockerode') : require('..');
}

function loadTime() {
  const began = process.hrtime.bigint();
  load();
  return Number(process.hrtime.bigint() - began) / 1e6;
}

async function cold() {
  const from = process.hrtime.bigint();
  const id = name === 'dockerode' ? await theirFirst() : await ourFirst();
  const to = process.hrtime.bigint();
  return JSON.stringify({ from: String(from), to: String(to), id });
}

async function ourFirst() {
  const { docker } = require('..');
  const { sandboxId } = await docker({ runtime: 'python' }).sandbox.create();
  return sandboxId;
}

async function theirFirst() {
  const Docker = require('dockerode');
  const { create } = require('./contenders/dockerode');
  return (await create(new Docker())).id;
}

async function memory() {
  const before = process.memoryUsage().rss;
  load();
  const run = await runner();
  for (let index = 0; index < 200; index += 1) await run();
  return (process.memoryUsage().rss - before) / MIB;
}

/** @returns {Promise<() => Promise<unknown>>} */
async function runner() {
  if (name === 'dockerode') {
    const { attach } = require('./contenders/dockerode');
    const box = attach(id);
    return () => box.run('true');
  }
  const { docker } = require('..');
  const sandbox = await docker({ session: name === 'exec' ? 'exec' : 'agent' }).sandbox.getById(id);
  if (!sandbox) throw new Error(`there is no sandbox ${id}`);
  return () => sandbox.runCommand('true');
}

const measure = { load: loadTime, cold, memory }[what];
if (!measure) throw new Error(`child.js knows no ${what}`);
Promise.resolve(measure()).then(
  (value) => console.log(value),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
