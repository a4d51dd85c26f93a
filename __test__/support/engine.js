'use strict';

// An engine for one spec file alone, which may be restarted, stopped and frozen at will. Making one points
// DOCKER_HOST at it, so it comes before everything that reads that: the witness, the providers.

const fs = require('node:fs');
const Dockerode = require('dockerode');
const { start, stop } = require('../../scripts/engine');
const { answers } = require('../../scripts/engine/api');
const { has, obstacle } = require('../../scripts/engine/install');
const { places } = require('../../scripts/engine/private');
const processes = require('../../scripts/engine/process');
const { until } = require('./wait.js');

/** Containers outlive the daemon, as they do where an administrator upgrades Docker. */
const ARGS = ['--live-restore'];

const POLITE_MS = 20_000;

class OwnEngine {
  /** The engine that has the images. */
  #source = new Dockerode();
  /** @type {number | undefined} */
  #pid;

  /** @param {string} name @param {string[]} args */
  constructor(name, args) {
    this.name = name;
    this.args = args;
    this.host = places(name).host;
    process.env.DOCKER_HOST = this.host;
  }

  /** @param {string} image that the engine of the other specs has */
  async start(image) {
    await this.startDaemon();
    const target = new Dockerode({ socketPath: this.host.slice('unix://'.length) });
    const loading = await target.loadImage(await this.#source.getImage(image).get());
    await new Promise((resolve, reject) => {
      target.modem.followProgress(loading, (error) => (error ? reject(error) : resolve(undefined)));
    });
  }

  async startDaemon() {
    this.#pid = (await start(this.name, { args: this.args })).pid;
  }

  /** The daemon alone; containers run on. */
  async stopDaemon() {
    await processes.end(this.#pid, POLITE_MS);
    if (await answers(this.host)) throw new Error('the engine still answers');
  }

  /** The daemon at once, without a word to its containers. */
  async killDaemon() {
    this.#signal('SIGKILL');
    await until(() => !processes.alive(this.#pid), 'the engine has died');
  }

  /** The daemon with other arguments. @param {string[]} args */
  async as(args) {
    if (args.join() === this.args.join()) return;
    await this.stopDaemon();
    this.args = args;
    await this.startDaemon();
  }

  /** From now on it takes connections and answers nothing. */
  async freeze() {
    this.#signal('SIGSTOP');
    // Each of its threads stops when its turn comes; until then it goes on answering.
    await until(() => states(this.#pid).every((state) => state === 'T'), 'the engine stands still');
  }

  thaw() {
    this.#signal('SIGCONT');
  }

  /** @param {NodeJS.Signals} name */
  #signal(name) {
    if (!this.#pid) throw new Error('the engine was never started');
    process.kill(this.#pid, name);
  }

  /** Leaves nothing of it. */
  async remove() {
    await stop(this.name);
    fs.rmSync(places(this.name).data, { recursive: true, force: true });
  }
}

/** What each thread of a process is doing, by the kernel's letters. @param {number | undefined} pid */
function states(pid) {
  const threads = fs.readdirSync(`/proc/${pid}/task`);
  // The name before the state, in brackets, may hold anything.
  return threads.map((id) => fs.readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8').split(') ').at(-1)?.[0]);
}

/**
 * Why this machine can have no engine of our own; undefined where it can.
 */
function whyNoEngine() {
  return obstacle() ?? (has('dockerd') ? undefined : 'there is no dockerd');
}

/**
 * @param {string} name of the spec; runs side by side get engines of their own
 * @param {string[]} [args] of dockerd
 */
function ownEngine(name, args = ARGS) {
  return new OwnEngine(`${name}-${process.pid}`, args);
}

module.exports = { ownEngine, whyNoEngine };
