// Runs one cell after another in one interpreter, as Node's REPL evaluates its lines. Requests are lines of JSON on
// stdin; the answer to each follows what the cell printed on stdout, led by a mark that only the host knows, and the mark
// alone follows what it printed on stderr.
(() => {
  const { PassThrough } = require('node:stream');
  const readline = require('node:readline');
  const repl = require('node:repl');
  const util = require('node:util');
  const vm = require('node:vm');

  const mark = `\0${process.env.COMPUTESDK_MARK}`;
  delete process.env.COMPUTESDK_MARK;
  /** Ends the cell that runs, with its error if it has one. */
  let settle;
  const server = repl.start({
    prompt: '',
    input: new PassThrough(),
    output: new PassThrough(),
    terminal: false,
    useGlobal: true,
    breakEvalOnSigint: true,
  });
  // Code that does not wait is broken off by the engine itself; what waits, by the REPL.
  process.on('SIGINT', () => settle && server.emit('SIGINT'));
  const complain = (error) => process.stderr.write(`${told(error)}\n`);
  // What a cell throws comes this way, and what a timer throws later.
  const thrown = (error) => (settle ? settle(error) : complain(error));
  server._domain?.removeAllListeners('error').on('error', thrown);
  process.on('uncaughtException', thrown);
  process.on('unhandledRejection', complain);

  const compiles = (text) => {
    try {
      new vm.Script(text);
      return true;
    } catch {
      return false;
    }
  };

  function told(error) {
    const text = util.inspect(error);
    // Without the frames of this driver.
    const end = text.search(
      /\n\s+at (sigintHandlersWrap|Script\.runInThisContext|ContextifyScript\.runInThisContext)/,
    );
    return end < 0 ? text : text.slice(0, end);
  }

  function forms(value) {
    if (value === undefined) return undefined;
    const bundle = value?.[Symbol.for('Jupyter.display')];
    const rich = typeof bundle === 'function' ? bundle.call(value) : {};
    return { text: util.inspect(value), html: rich['text/html'], png: rich['image/png'] };
  }

  function answer(code, error, value) {
    if (!error) return { exitCode: 0, value: forms(value) };
    const cause = error instanceof repl.Recoverable ? error.err : error;
    if (cause instanceof SyntaxError && !compiles(code) && !compiles(`(async () => {${code}\n})`)) {
      return { syntax: `SyntaxError: ${cause.message}` };
    }
    complain(cause);
    return { exitCode: cause?.code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED' ? 130 : 1 };
  }

  /** While the REPL evaluates, interrupts are its own: a listener that comes or goes then would end the process. */
  function withoutListeners(work) {
    const listeners = process.rawListeners('SIGINT');
    process.removeAllListeners('SIGINT');
    work();
    for (const listener of listeners) process.on('SIGINT', listener);
  }

  function run(code, name) {
    return new Promise((resolve) => {
      settle = (error, value) => {
        settle = undefined;
        try {
          resolve(answer(code, error, value));
        } catch (failure) {
          complain(failure);
          resolve({ exitCode: 1 });
        }
      };
      const ended = (error, value) => settle?.(error, value);
      withoutListeners(() => server.eval(`${code}\n`, server.context, name, ended));
    });
  }

  (async () => {
    let number = 0;
    for await (const line of readline.createInterface({ input: process.stdin })) {
      number += 1;
      const reply = await run(JSON.parse(line), `cell-${number}.js`);
      process.stdout.write(`${mark}${JSON.stringify(reply)}\n`);
      process.stderr.write(`${mark}\n`);
    }
    process.exit(0);
  })();
})();
