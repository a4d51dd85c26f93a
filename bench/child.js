'use strict';

// Runs in a fresh process for bench/parts/process.js and prints one number.
//   load NAME          milliseconds that require() takes
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

Promise.resolve(what === 'load' ? loadTime() : memory()).then(
  (value) => console.log(value),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
