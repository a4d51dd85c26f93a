'use strict';

// The example's page in a real browser, as a person uses it: by labels, roles and keys.

const fs = require('node:fs');
const path = require('node:path');
const { chromium } = require('playwright-core');
const { ROOT } = require('../../scripts/setup');

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** The machine may be busy. */
const PATIENCE = 90_000;
const SHOTS = path.join(ROOT, 'target', 'nextjs-test');

class Page {
  /** @param {import('playwright-core').Browser} browser @param {import('playwright-core').Page} page */
  constructor(browser, page) {
    this.browser = browser;
    this.page = page;
    this.editor = page.getByRole('textbox', { name: / code$/ });
    this.output = page.getByRole('log', { name: 'Program output' });
    this.ending = page.getByRole('region', { name: 'Output' }).getByRole('status');
    /** What the browser's console complained of. @type {string[]} */
    this.complaints = [];
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
  }

  static async launch() {
    if (!fs.existsSync(CHROMIUM)) throw new Error(`no browser at ${CHROMIUM}: apt-get install chromium`);
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    page.setDefaultTimeout(PATIENCE);
    return new Page(browser, page);
  }

  /** @param {string} url */
  async open(url) {
    await this.page.goto(url, { timeout: 300_000 });
    await this.ready();
  }

  async reload() {
    await this.page.reload({ timeout: 300_000 });
    await this.ready();
  }

  /** The page has looked into the tab's storage. */
  async ready() {
    await this.page.getByRole('button', { name: 'Run' }).and(this.page.locator(':enabled')).waitFor();
  }

  /** Types code over what is there, and starts it by the keyboard. @param {string} code */
  async start(code) {
    await this.editor.fill(code);
    await this.editor.press('Control+Enter');
  }

  /** @param {RegExp} words */
  async ended(words) {
    await this.ending.filter({ hasText: words }).waitFor();
    return this.output.textContent();
  }

  /** @param {string} code @param {RegExp} [words] */
  async run(code, words = /^Exit code 0 · /) {
    await this.start(code);
    return this.ended(words);
  }

  /** The first characters of the sandbox's id, as the page shows them. */
  async sandbox() {
    return this.page.locator('.badge code').textContent();
  }

  /** @param {'Python' | 'Node.js'} name */
  async choose(name) {
    await this.page.getByRole('radio', { name }).check({ force: true });
    await this.page.getByRole('textbox', { name: `${name} code` }).waitFor();
  }

  /** @param {number} seconds */
  async limit(seconds) {
    await this.page.getByLabel('Time limit').selectOption(String(seconds));
  }

  /** @param {string} name */
  async shot(name) {
    fs.mkdirSync(SHOTS, { recursive: true });
    await this.page.screenshot({ path: path.join(SHOTS, `${name}.png`) });
  }
}

module.exports = { Page };
