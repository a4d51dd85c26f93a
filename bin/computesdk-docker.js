#!/usr/bin/env node
// `npx @computesdk/docker doctor`
'use strict';

const { parseArgs } = require('node:util');

const USAGE = `usage: npx @computesdk/docker doctor [--json]

Finds the Docker engine as docker() does (DOCKER_HOST, the docker context, the usual sockets), tries what a sandbox
needs there, and says what to do about each problem. Exit code: 0 where sandboxes work, 1 where they do not.
`;

async function main() {
  const options = /** @type {const} */ ({ json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } });
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) return process.stdout.write(USAGE);
  if (positionals.length !== 1 || positionals[0] !== 'doctor') throw new Error('the only command is doctor');
  const { examine } = require('../lib/doctor/examine.js');
  const { asText } = require('../lib/doctor/report.js');
  const report = await examine();
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : asText(report));
  if (!report.ok) process.exitCode = 1;
}

main().catch((error) => {
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
});
