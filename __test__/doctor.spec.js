'use strict';

// `npx @computesdk/docker doctor`: what it finds, what it advises, its exit code, and that it tells no secret.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const path = require('node:path');
const { text } = require('node:stream/consumers');
const { describe, it } = require('node:test');
const { checkKind, checkLimits, unreachable } = require('../lib/doctor/engine.js');
const { checkImage } = require('../lib/doctor/images.js');
const { asText } = require('../lib/doctor/report.js');
const { containersWith } = require('./support/docker.js');
const { SUITE_TIMEOUT } = require('./support/sandboxes.js');

const PROGRAM = path.join(__dirname, '..', 'bin', 'computesdk-docker.js');

/** @param {string[]} args @param {Record<string, string>} [env] */
async function run(args, env) {
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: { ...process.env, ...env } });
  const code = new Promise((resolve) => child.once('exit', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}

describe('the doctor', { timeout: SUITE_TIMEOUT }, () => {
  it('finds an engine that works, tries a sandbox there, and leaves nothing', async () => {
    const { code, stdout, stderr } = await run(['doctor', '--json']);
    assert.deepEqual([code, stderr], [0, ''], stdout);
    const report = JSON.parse(stdout);
    assert.equal(report.ok, true);
    assert.match(report.engine.found, /DOCKER_HOST|socket/);
    const found = Object.fromEntries(
      report.findings.map((/** @type {any} */ { about, text }) => [about, text]),
    );
    assert.match(found.engine, /API 1\.\d+, at /);
    assert.match(found.agent, /runs there: a command took \d+\.\d ms/);
    assert.match(found.limits, /cgroup v[12]/);
    assert.match(found.images, /is there/);
    assert.deepEqual(await containersWith('com.computesdk.meta.doctor'), []);
  });

  it('says in words where no engine answers, what to do, and no password', async () => {
    const env = { DOCKER_HOST: 'tcp://ada:doctor-secret@127.0.0.1:1' };
    const { code, stdout, stderr } = await run(['doctor'], env);
    assert.equal(code, 1);
    assert.match(stdout, /problem {2}engine {3}.*tcp:\/\/127\.0\.0\.1:1 \(DOCKER_HOST\): connection refused/);
    assert.match(stdout, /-> start Docker/);
    assert.match(stdout, /One problem/);
    assert.ok(!(stdout + stderr).includes('doctor-secret'));
  });

  it('says what is wrong with the settings themselves', async () => {
    const { code, stdout } = await run(['doctor'], { DOCKER_HOST: 'ftp://ada:doctor-secret@box' });
    assert.equal(code, 1);
    assert.match(stdout, /problem {2}engine {3}DOCKER_HOST: 'ftp:\/\/box' is no address/);
  });

  it('tells how it is used', async () => {
    for (const args of [[], ['nurse'], ['doctor', '--colour']]) {
      const { code, stdout, stderr } = await run(args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, /usage: npx @computesdk\/docker doctor/);
    }
    const { code, stdout } = await run(['--help']);
    assert.equal(code, 0);
    assert.match(stdout, /^usage/);
  });
});

describe("the doctor's findings", () => {
  it('name what the engine cannot do', () => {
    assert.equal(checkKind({ OSType: 'windows' }).level, 'problem');
    assert.equal(checkKind({ OSType: 'linux', Architecture: 's390x' }).level, 'warning');
    assert.equal(checkKind({ OSType: 'linux', Architecture: 'aarch64' }).level, 'ok');
    const [limits, rootless] = checkLimits({
      ...{
        CgroupVersion: '1',
        CgroupDriver: 'none',
        MemoryLimit: false,
        PidsLimit: false,
        CpuCfsQuota: true,
      },
      SecurityOptions: ['name=seccomp,profile=default', 'name=rootless'],
    });
    assert.equal(limits?.level, 'warning');
    assert.match(limits?.text ?? '', /without effect: memory, pidsLimit/);
    assert.match(limits?.advice ?? '', /delegation/);
    assert.match(rootless?.text ?? '', /rootless/);
  });

  it('tell missing images from emulated ones', () => {
    const of = (/** @type {any} */ image) => checkImage('python:3.11-slim', image, 'aarch64');
    assert.deepEqual([of(undefined).level, of(undefined).advice], ['note', 'docker pull python:3.11-slim']);
    assert.equal(of({ Architecture: 'arm64' }).level, 'ok');
    assert.match(of({ Architecture: 'amd64' }).advice ?? '', /--platform linux\/arm64/);
  });

  it('bring advice for each way in which an engine cannot be reached', () => {
    for (const [message, advice] of /** @type {Array<[string, RegExp]>} */ ([
      ['unix:///x: permission denied; may this user use Docker?', /usermod/],
      ['unix:///x: there is no such socket', /start Docker/],
      ['https://box: its certificate is refused: expired', /ca\.pem/],
      ['tcp://box, through the proxy p:1 of HTTP_PROXY: tunnel error', /NO_PROXY/],
      ['ssh://box: ssh ended: Permission denied (publickey)', /ssh HOST/],
      ['tcp://box: something answers (HTTP status 200), but no Docker engine', /something else/],
      ['box speaks Docker API 1.24, and 1.41 (Docker 20.10) or newer is needed', /20\.10/],
      ['something unheard of', /docker version/],
    ])) {
      assert.match(unreachable({ code: 'ERR_DOCKER_UNREACHABLE', message }).advice ?? '', advice, message);
    }
  });

  it('are counted for a person', () => {
    const host = { package: 'p 1', node: 'v20', platform: 'x' };
    const bad = /** @type {const} */ ({ about: 'a', level: 'problem', text: 't' });
    assert.match(asText({ ok: false, host, findings: [bad, bad] }), /\n2 problems: /);
    assert.match(asText({ ok: true, host, findings: [] }), /Sandboxes work here/);
  });
});
