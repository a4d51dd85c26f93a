'use strict';

// The course of the soak, looked at twice a second, as a plot and its numbers in bench/.

const fs = require('node:fs');
const path = require('node:path');
const { machine } = require('../../bench/report');
const { plot } = require('../../bench/plot');
const { cost, descriptors } = require('./states.js');

const BENCH = path.join(__dirname, '..', '..', 'bench');
const EVERY = 500;
const MIB = 1024 * 1024;

/** @typedef {{ done: number, resident: number, heap: number, own: number, agents: number, theirs: number }} Look */

class Record {
  /** @param {number[]} pids the agents' */
  constructor(pids) {
    this.pids = pids;
    this.done = 0;
    /** @type {Look[]} */
    this.looks = [];
    this.timer = setInterval(() => this.look(), EVERY);
    this.look();
  }

  /** A command has ended. */
  count() {
    this.done += 1;
  }

  look() {
    const { rss, heapUsed } = process.memoryUsage();
    const agents = this.pids.map(cost);
    const sum = (/** @type {'resident' | 'descriptors'} */ key) =>
      agents.reduce((total, one) => total + one[key], 0);
    this.looks.push({
      done: this.done,
      resident: rss / MIB,
      heap: heapUsed / MIB,
      own: descriptors(process.pid),
      agents: sum('resident') / MIB,
      theirs: sum('descriptors'),
    });
  }

  end() {
    clearInterval(this.timer);
    this.look();
  }

  /** @param {string} host @param {string} summary */
  async write(host, summary) {
    const { looks } = this;
    const of = (/** @type {keyof Look} */ key) => looks.map((look) => look[key]);
    const axis = { label: 'commands', at: of('done') };
    const svg = plot('Memory and descriptors over the commands', axis, [
      {
        title: 'Memory, MiB',
        series: [
          { name: 'Node.js, resident', values: of('resident') },
          { name: 'its JavaScript heap', values: of('heap') },
          { name: 'all agents, resident', values: of('agents') },
        ],
      },
      {
        title: 'Descriptors',
        series: [
          { name: 'Node.js', values: of('own') },
          { name: 'all agents', values: of('theirs') },
        ],
      },
    ]);
    fs.writeFileSync(path.join(BENCH, 'soak.svg'), svg);
    fs.writeFileSync(path.join(BENCH, 'SOAK.md'), `${await this.page(host, summary)}\n`);
  }

  /** @param {string} host @param {string} summary */
  async page(host, summary) {
    const rows = Array.from({ length: 11 }, (_, tenth) => {
      const wanted = (this.done * tenth) / 10;
      const look = this.looks.find(({ done }) => done >= wanted);
      if (!look) return '';
      const { done, resident, heap, agents, own, theirs } = look;
      return `| ${done} | ${resident.toFixed(1)} | ${heap.toFixed(1)} | ${agents.toFixed(1)} | ${own} | ${theirs} |`;
    });
    return `# Soak

Written by \`npm run test:soak\`, which fails where anything has grown or is left. ${summary}

${await machine(host)}

![Memory and descriptors over the commands](soak.svg)

| commands | Node.js, MiB | JavaScript heap, MiB | all agents, MiB | descriptors of Node.js | of all agents |
|---|---|---|---|---|---|
${rows.join('\n')}`;
  }
}

module.exports = { Record };
