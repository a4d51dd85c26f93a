'use strict';

// A proxy on loopback between this package and an engine, which does one thing wrong on purpose: cuts an answer after
// so many bytes, or gives an answer of its own instead of the engine's.

const net = require('node:net');

/**
 * @typedef {object} Fault
 * @property {number} [cutAfter] bytes of the answer that still come through
 * @property {boolean} [politely] the cut is an ordinary end of the connection, not a reset
 * @property {string | Buffer} [answer] sent instead of asking the engine; then the connection ends
 * @property {boolean} [stays] after `answer`, it does not end
 */

/** @typedef {{ method: string, path: string, answered: number }} Seen `answered`: bytes of its answer so far */

/** What the proxy knows of one connection of a client. */
class Connection {
  /** @type {Seen | undefined} */
  #current;
  /** @type {Fault | undefined} */
  #fault;
  /** The connection carries a process's stdio by now. */
  #raw = false;

  /** @param {net.Socket} client @param {net.Socket} engine @param {FaultProxy} proxy */
  constructor(client, engine, proxy) {
    this.client = client;
    this.engine = engine;
    this.proxy = proxy;
    client.on('data', (chunk) => this.#fromClient(chunk)).on('end', () => engine.end());
    engine.on('data', (chunk) => this.#fromEngine(chunk)).on('end', () => client.end());
  }

  /** Our clients never send a request before the answer to the last one, and a head always in one piece. @param {Buffer} chunk */
  #fromClient(chunk) {
    const isHead = !this.#raw && (!this.#current || this.#current.answered > 0);
    if (isHead) {
      const head = chunk.toString('latin1').split('\r\n\r\n', 1)[0] ?? '';
      const [method = '', url = ''] = head.split(' ', 2);
      this.#raw = /^upgrade:/im.test(head);
      this.#current = { method, path: url.replace(/^\/v[\d.]+/, ''), answered: 0 };
      this.#fault = this.proxy.note(this.#current);
      if (this.#fault?.answer !== undefined) this.#answer(this.#fault);
    }
    // The rest of a request that is answered here goes nowhere.
    if (this.#fault?.answer === undefined) relay(chunk, this.client, this.engine);
  }

  /** @param {Fault} fault */
  #answer({ answer = '', stays }) {
    if (stays) this.client.write(answer);
    else this.client.end(answer);
  }

  /** @param {Buffer} chunk */
  #fromEngine(chunk) {
    const before = this.#current?.answered ?? 0;
    if (this.#current) this.#current.answered += chunk.length;
    const left = (this.#fault?.cutAfter ?? Number.POSITIVE_INFINITY) - before;
    if (chunk.length <= left) return relay(chunk, this.engine, this.client);
    this.client.write(chunk.subarray(0, left), () => {
      if (this.#fault?.politely) this.client.end();
      else this.client.resetAndDestroy();
      this.engine.destroy();
    });
    this.engine.pause();
  }
}

/** @param {Buffer} chunk @param {net.Socket} from @param {net.Socket} to */
function relay(chunk, from, to) {
  if (to.write(chunk)) return;
  from.pause();
  to.once('drain', () => from.resume());
}

class FaultProxy {
  /** Requests in their order; the answer to `_ping`, which settles the version, is none of them. @type {Seen[]} */
  seen = [];
  /** Called with each request and its place in `seen`. @type {(request: Seen, index: number) => Fault | undefined} */
  rule = () => undefined;
  /** @type {Set<net.Socket>} */
  #open = new Set();

  /** @param {string} engine path of its socket */
  constructor(engine) {
    this.server = net.createServer({ allowHalfOpen: true }, (client) => {
      const socket = net.connect({ path: engine, allowHalfOpen: true });
      for (const [one, other] of [
        [client, socket],
        [socket, client],
      ]) {
        this.#open.add(one);
        one.on('error', () => undefined);
        one.on('close', () => {
          this.#open.delete(one);
          other.destroy();
        });
      }
      new Connection(client, socket, this);
    });
  }

  /** @param {Seen} request */
  note(request) {
    if (request.path === '/_ping') return undefined;
    this.seen.push(request);
    return this.rule(request, this.seen.length - 1);
  }

  /** Forgets what it has seen. */
  begin() {
    this.seen = [];
  }

  async listen() {
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', () => resolve(undefined)));
    return this;
  }

  /** What `docker({ connection })` takes. */
  get connection() {
    const { port } = /** @type {net.AddressInfo} */ (this.server.address());
    return { host: '127.0.0.1', port, protocol: /** @type {const} */ ('http'), timeout: 10_000 };
  }

  get connections() {
    return this.#open.size / 2;
  }

  async close() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.#open) socket.destroy();
    await closed;
  }
}

/** @param {string} host `unix://…` */
function faultProxy(host) {
  return new FaultProxy(host.slice('unix://'.length)).listen();
}

/** A whole HTTP answer. @param {number} status @param {string} body @param {string} [type] */
function answer(status, body, type = 'application/json') {
  const head = `HTTP/1.1 ${status} Said by a test\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  return `${head}Connection: close\r\n\r\n${body}`;
}

module.exports = { answer, faultProxy };
