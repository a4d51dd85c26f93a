// The callbacks of a run, fed as the addon feeds them.
'use strict';

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { test } = require('node:test');

const { Output } = require('../lib/output.js');
const { withSignal } = require('../lib/signals.js');

const piece = (text, more) => ({ stderr: false, kept: true, text, ...more });

test('callbacks get both streams in order, and the texts are put together', async () => {
  const seen = [];
  const output = new Output(
    { onStdout: (text) => seen.push(`out ${text}`), onStderr: (text) => seen.push(`err ${text}`) },
    () => assert.fail('stopped'),
  );
  output.listener([piece('a'), piece('b', { stderr: true })]);
  output.listener([piece('c')]);
  output.listener([piece('d', { kept: false })]);
  await output.finish();
  assert.deepEqual(seen, ['out a', 'err b', 'out c', 'out d']);
  assert.deepEqual([output.stdout, output.stderr, output.output], ['ac', 'b', 'abc']);
});

test('a callback that throws stops the command, and is not called again', async () => {
  let stops = 0;
  const seen = [];
  const problem = new Error('mine');
  const onStdout = (text) => {
    seen.push(text);
    throw problem;
  };
  const output = new Output({ onStdout }, () => {
    stops += 1;
  });
  output.listener([piece('a'), piece('b')]);
  output.listener([piece('c')]);
  await assert.rejects(output.finish(), (error) => error === problem);
  assert.deepEqual([seen, stops], [['a'], 1]);
});

test('an async callback is waited for, and its rejection counts', async () => {
  const done = [];
  const later = (text) => new Promise((resolve) => setTimeout(() => resolve(done.push(text)), 20));
  const output = new Output({ onStdout: later }, () => assert.fail('stopped'));
  output.listener([piece('a')]);
  await output.finish();
  assert.deepEqual(done, ['a']);

  let stopped = false;
  const failing = new Output({ onStdout: () => Promise.reject(new Error('late')) }, () => {
    stopped = true;
  });
  failing.listener([piece('a')]);
  await assert.rejects(failing.finish(), /late/);
  assert.ok(stopped);
});

test("the caller's AsyncLocalStorage is in force in callbacks", () => {
  const storage = new AsyncLocalStorage();
  const seen = [];
  const output = storage.run(
    'mine',
    () => new Output({ onStdout: () => seen.push(storage.getStore()) }, () => {}),
  );
  output.listener([piece('a')]);
  assert.deepEqual(seen, ['mine']);
});

test('one signal has one listener, however many calls, and none afterwards', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args) => {
    listeners += 1;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args) => {
    listeners -= 1;
    removeEventListener.apply(signal, args);
  };
  const ends = [];
  const calls = Array.from({ length: 200 }, () =>
    withSignal(signal, (token) => new Promise((resolve) => ends.push(() => resolve(token)))),
  );
  assert.equal(listeners, 1);
  for (const end of ends) end();
  await Promise.all(calls);
  assert.equal(listeners, 0);
});
