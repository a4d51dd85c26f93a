'use strict';

// What a person does on the page, and what has to come of it. Each check goes on where the one before it stopped.

const assert = require('node:assert/strict');
const { commands, sandboxes, until } = require('./server.js');

/** @typedef {{ page: import('./page').Page, host: string, url: string }} Place */

const SLOW = `import time
print("first", flush=True)
time.sleep(5)
print("last")`;

/** @type {Record<string, (place: Place) => Promise<void>>} */
const CHECKS = {
  'the page is there, and no sandbox yet': async ({ page, host }) => {
    assert.equal(await page.page.title(), 'Sandbox');
    assert.match(await page.editor.inputValue(), /^import time/);
    assert.deepEqual(await sandboxes(host), []);
    await page.shot('1-first-visit');
  },
  'Python runs, and output is there before the end': async ({ page, host }) => {
    await page.start(SLOW);
    await page.output.filter({ hasText: 'first' }).waitFor();
    assert.equal(await page.ending.textContent(), 'Running…');
    assert.doesNotMatch(await page.output.textContent(), /last/);
    await page.shot('2-running');
    assert.equal(await page.ended(/^Exit code 0 · [5-9]\.\d s$/), 'first\nlast\n');
    const [id = ''] = await sandboxes(host);
    assert.equal(await page.sandbox(), id.slice(0, 12));
  },
  'files are listed, read, changed and removed': async ({ page }) => {
    await page.run('import os\nos.makedirs("data/deep")\nopen("data/notes.txt", "w").write("Grüße")');
    const files = page.page.getByRole('region', { name: 'Files' });
    await files.getByRole('button', { name: 'data' }).click();
    await files.getByRole('button', { name: 'notes.txt' }).click();
    const content = files.getByLabel('Content of notes.txt');
    await content.and(page.page.locator(':not([readonly])')).waitFor();
    assert.equal(await content.inputValue(), 'Grüße');
    await content.fill('changed by hand');
    await files.getByRole('button', { name: 'Save' }).click();
    await files.getByText('Saved').waitFor();
    await page.shot('3-files');
    assert.equal(await page.run('print(open("data/notes.txt").read())'), 'changed by hand\n');
    await files.getByRole('button', { name: 'Delete' }).click();
    await files.getByRole('button', { name: 'notes.txt' }).waitFor({ state: 'detached' });
    await files.getByRole('button', { name: 'workspace' }).click();
  },
  'a failure shows its exit code and its error output': async ({ page }) => {
    const printed = await page.run('import sys\nprint("out")\nsys.exit("no luck")', /^Exit code 1 · /);
    assert.match(printed, /no luck/);
    assert.equal(await page.page.locator('.log .stderr').textContent(), 'no luck\n');
  },
  'a syntax error is called one': async ({ page }) => {
    const printed = await page.run('def broken(:\n    pass', /^Syntax error$/);
    assert.match(printed, /line 1\n.*\n.*\nSyntaxError: invalid syntax\n$/);
    await page.shot('4-syntax-error');
  },
  'the time limit ends a program': async ({ page }) => {
    await page.limit(2);
    const printed = await page.run('print("on and on", flush=True)\nwhile True: pass', /exit code 124$/);
    assert.equal(printed, 'on and on\n');
    await page.shot('5-timeout');
    await page.limit(60);
  },
  'Stop ends the program in the sandbox': async ({ page, host }) => {
    const [id = ''] = await sandboxes(host);
    const sleeps = async () => (await commands(host, id)).filter((line) => /sleep 987$/.test(line)).length;
    await page.start('import subprocess\nsubprocess.run(["sleep", "987"])');
    await until('the program runs', async () => (await sleeps()) === 1);
    await page.page.getByRole('button', { name: 'Stop' }).click();
    await page.ended(/^Stopped$/);
    await until('the program is gone', async () => (await sleeps()) === 0);
  },
  'endless output is cut, and the page lives': async ({ page }) => {
    await page.start('while True: print("x" * 1000)');
    await page.ended(/^Failed$/);
    await page.page.getByText('it printed more than a million characters').waitFor();
    assert.equal(await page.run('print("alive")'), 'alive\n');
  },
  'the editor indents, and lets a keyboard go': async ({ page }) => {
    await page.editor.fill('');
    await page.editor.press('Tab');
    await page.editor.press('Shift+Tab');
    await page.editor.pressSequentially('if True:\nprint(1)');
    assert.equal(await page.editor.inputValue(), 'if True:\n    print(1)');
    await page.editor.press('Escape');
    await page.editor.press('Tab');
    assert.equal(await page.page.evaluate('document.activeElement.id === "code"'), false);
  },
  'a reload finds the sandbox, its files and the code again': async ({ page, host }) => {
    await page.run('open("kept.txt", "w").write("kept")');
    const before = [await sandboxes(host), await page.sandbox(), await page.editor.inputValue()];
    await page.reload();
    await page.page.getByRole('button', { name: 'kept.txt' }).waitFor();
    assert.deepEqual([await sandboxes(host), await page.sandbox(), await page.editor.inputValue()], before);
    assert.equal(await page.run('print(open("kept.txt").read())'), 'kept\n');
  },
  'Node.js has a sandbox of its own': async ({ page, host }) => {
    await page.choose('Node.js');
    const code = 'const { platform } = await import("node:process");\nconsole.log(platform);';
    assert.equal(await page.run(code), 'linux\n');
    assert.equal((await sandboxes(host)).length, 2);
    await page.run('console.log(;', /^Syntax error$/);
    await page.shot('6-node');
  },
  'ending a sandbox removes it': async ({ page, host }) => {
    const id = await page.sandbox();
    await page.page.getByRole('button', { name: 'End sandbox' }).click();
    await page.page.getByText('the next run starts a new one').waitFor();
    const left = await sandboxes(host);
    assert.equal(left.length, 1);
    assert.ok(!left[0]?.startsWith(id));
    await page.choose('Python');
    await page.page.getByRole('button', { name: 'kept.txt' }).waitFor();
  },
  'a narrow screen and a dark one show all': async ({ page }) => {
    await page.page.emulateMedia({ colorScheme: 'dark' });
    await page.shot('7-dark');
    await page.page.setViewportSize({ width: 420, height: 900 });
    const wide = await page.page.evaluate('document.documentElement.scrollWidth');
    const run = await page.page.getByRole('button', { name: 'Run' }).boundingBox();
    await page.shot('8-narrow');
    assert.ok(run && run.x + run.width < 420, 'the Run button is cut off');
    assert.ok(Number(wide) <= 420, `the page is ${wide} wide`);
    await page.page.setViewportSize({ width: 1280, height: 860 });
    await page.page.emulateMedia({ colorScheme: 'light' });
  },
  'the browser had nothing to complain of': async ({ page }) => {
    assert.deepEqual(page.complaints, []);
  },
};

module.exports = { CHECKS };
