'use strict';

// npm run bench: this package beside dockerode and the docker command, all in one run on one engine.
//   npm run bench                        everything; writes bench/RESULTS.md
//   npm run bench -- commands files      some parts; prints only
// Parts: lifecycle cold commands code live files output neighbours process. Each column of the table is a contender:
// this package over its agent and over plain execs, dockerode, the docker command.

const fs = require('node:fs');
const path = require('node:path');
const { withEngine } = require('../scripts/engine');
const { say } = require('../scripts/engine/install');
const { ensureImages } = require('../scripts/images');
const readme = require('../scripts/readme-bench');
const setup = require('../scripts/setup');
const { machine, tables } = require('./report');

const RESULTS = path.join(__dirname, 'RESULTS.md');
const INTRODUCTION = `# Benchmark

Written by \`npm run bench\`: the same work by this package over its agent and over plain execs, by
dockerode written as its users write it, and by the docker command, taking turns in one run. A baseline is
the same work without Docker. Times of one machine are noisy; trust the ratios,
which compare runs that were neighbours in time.`;

/** @returns {Record<string, import('./types').Part>} in the order of the run */
function allParts() {
  return {
    lifecycle: require('./parts/lifecycle').lifecycle,
    cold: require('./parts/cold').cold,
    commands: require('./parts/commands').commands,
    code: require('./parts/code').code,
    live: require('./parts/live').live,
    files: require('./parts/files').files,
    output: require('./parts/output').output,
    neighbours: require('./parts/neighbours').neighbours,
    process: require('./parts/process').processPart,
  };
}

/** @returns {import('./types').Contender[]} */
function allContenders() {
  const { ours } = require('./contenders/ours');
  const { dockerode } = require('./contenders/dockerode');
  const { available, cli } = require('./contenders/cli');
  if (!available()) say('there is no docker command: its column stays empty');
  return [ours('agent'), ours('exec'), dockerode(), ...(available() ? [cli()] : [])];
}

/**
 * @param {string[]} names of parts
 * @param {string} host
 */
async function measure(names, host) {
  const contenders = allContenders();
  /** @type {import('./types').Context} */
  const context = { contenders, boxes: {}, host };
  /** @type {import('./types').Outcome} */
  const outcome = { rows: [], targets: [] };
  try {
    for (const contender of contenders) context.boxes[contender.name] = await contender.create();
    for (const [name, part] of Object.entries(allParts())) {
      if (!names.includes(name)) continue;
      say(`measuring: ${name}`);
      const { rows, targets } = await part(context);
      outcome.rows.push(...rows);
      outcome.targets.push(...targets);
    }
  } finally {
    for (const box of Object.values(context.boxes)) await box.destroy();
  }
  return outcome;
}

/** @param {string[]} asked */
async function main(asked) {
  const known = Object.keys(allParts());
  const unknown = asked.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no part ${unknown.join(', ')}; there are ${known.join(', ')}`);
  await setup.packages();
  await setup.releaseAddon();
  await withEngine(async (host) => {
    await ensureImages(host, ['python:3.11-slim']);
    process.env.DOCKER_HOST = host;
    const outcome = await measure(asked.length > 0 ? asked : known, host);
    const text = tables(outcome);
    console.log(`\n${text}`);
    if (asked.length > 0) return;
    fs.writeFileSync(RESULTS, `${INTRODUCTION}\n\n${await machine(host)}\n\n${text}`);
    readme.update();
    say(`wrote ${path.relative(process.cwd(), RESULTS)} and the table of README.md`);
  });
}

main(process.argv.slice(2)).catch((error) => {
  say(error.stack ?? error.message);
  process.exitCode = 1;
});
