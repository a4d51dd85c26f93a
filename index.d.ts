// What callers of @computesdk/docker see. Hand-written: the hover texts are part of the product.

import type { Readable, Writable } from 'node:stream';

/** A language that `runCode` runs. */
export type Runtime = 'python' | 'node';

// ---------------------------------------------------------------------------------------------------------------
// Config

/**
 * How to reach the Docker engine; the fields are those of dockerode's `DockerOptions`.
 *
 * Left out: `DOCKER_HOST` (with `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`), the current Docker context, else the
 * first socket that answers.
 */
export interface DockerConnection {
  /** Path of the engine's Unix socket or Windows pipe, such as `'/var/run/docker.sock'`. */
  socketPath?: string;
  /** Host name or address of the engine, such as `'10.0.0.5'`; a URL such as `'tcp://10.0.0.5:2376'` works too. */
  host?: string;
  /** TCP port of the engine. @default 2375, 2376 with TLS, 22 with ssh */
  port?: number | string;
  /** How to speak to `host`. @default 'http', 'https' where a certificate is given */
  protocol?: 'http' | 'https' | 'ssh';
  /** The certificate authorities to trust, as PEM text or bytes. */
  ca?: string | Uint8Array | Array<string | Uint8Array>;
  /** Our client certificate, as PEM text or bytes. */
  cert?: string | Uint8Array | Array<string | Uint8Array>;
  /** The key of `cert`, as PEM text or bytes. Never shown in messages or by `util.inspect`. */
  key?: string | Uint8Array | Array<string | Uint8Array>;
  /** Docker API version to speak, such as `'v1.41'`. @default negotiated with the engine */
  version?: string;
  /** Milliseconds to wait for a connection and for an answer; never cuts a command's output. @default 5000 and 60000 */
  timeout?: number;
  /** Headers to send with every request. */
  headers?: Record<string, string>;
  /** User name for `protocol: 'ssh'`. */
  username?: string;
}

/** Credentials for a registry, as Docker's `X-Registry-Auth`. Never shown in messages or by `util.inspect`. */
export interface RegistryAuth {
  /** User name, with `password`. */
  username?: string;
  /** Password or access token of that user. */
  password?: string;
  /** The registry they are for, such as `'registry.example.com:5000'`. @default the registry of `image.name` */
  serveraddress?: string;
  /** A token from an earlier login, instead of a password. */
  identitytoken?: string;
  /** A bearer token for the registry, instead of a password. */
  registrytoken?: string;
}

/** The image that sandboxes start from. */
export interface ImageConfig {
  /**
   * Image reference such as `'python:3.11-slim'`, `'ghcr.io/org/image@sha256:…'`. Without a tag it means `:latest`.
   * @default 'python:3.11-slim' or 'node:20-alpine', by runtime
   */
  name?: string;
  /**
   * When to pull: `'ifNotPresent'` asks the registry only where the engine lacks the image, `'always'` at each
   * create, `'never'` fails with `ERR_IMAGE_NOT_FOUND` where the engine lacks it.
   * @default 'ifNotPresent'
   */
  pullPolicy?: 'always' | 'ifNotPresent' | 'never';
  /**
   * Credentials for the image's registry; never sent to another one, such as that of an image named at `create`.
   * @default the docker command's own login there: `auths`, `credHelpers` and `credsStore` of its `config.json`
   */
  auth?: RegistryAuth;
  /**
   * Platform of the image and of its containers, such as `'linux/arm64'` or `'linux/arm/v7'`. One that is not the
   * engine's own runs where the engine's machine emulates it. Mirrors `platform` of Docker's pull and create.
   * @default the engine's own
   */
  platform?: string;
  /**
   * Gets the progress of a pull that `create` waits for; two creates that wait for the same pull share its calls.
   * Every call has been made before `create` settles. An exception thrown here rejects `create`, and the pull ends
   * unless another create waits for it.
   */
  onPullProgress?: (progress: PullProgress) => void;
}

/** One step of a pull, in Docker's words. */
export interface PullProgress {
  /** Such as `'Pulling fs layer'`, `'Downloading'`, `'Pull complete'`. */
  status: string;
  /** The layer, such as `'1f7ce2fa46ab'`; missing where it is about the image as a whole. */
  id?: string;
  /** Bytes so far, where known. */
  current?: number;
  /** Bytes in all, where known. */
  total?: number;
}

/** One address of the host that a container port is published on. */
export interface PortBinding {
  /** Port on the host, 1 to 65535; 0 is a free one. @default a free one */
  hostPort?: number;
  /** Address on the host, such as `'127.0.0.1'`. @default every address */
  hostIP?: string;
}

/** Limits of a container; each is the field of the same name in Docker's `HostConfig`. */
export interface ContainerResources {
  /** Relative weight of CPU time under contention. @default Docker's own, 1024 */
  cpuShares?: number;
  /** Microseconds of CPU time per `cpuPeriod`. */
  cpuQuota?: number;
  /** Length of a CPU period, microseconds. @default Docker's own, 100000 */
  cpuPeriod?: number;
  /** CPU limit in billionths of a CPU: `1.5e9` is one and a half. Mirrors `NanoCpus`. */
  nanoCPUs?: number;
  /** CPUs that may be used, such as `'0-2'` or `'0,1'`. */
  cpusetCpus?: string;
  /** Memory limit, bytes; 0 is none. @default 536870912 (512 MiB) */
  memory?: number;
  /** Memory plus swap, bytes; -1 is unlimited swap. */
  memorySwap?: number;
  /** Soft memory limit, bytes. */
  memoryReservation?: number;
  /** How many processes may exist at once; -1 is unlimited. @default 1024 */
  pidsLimit?: number;
  /** Size of `/dev/shm`, bytes. @default Docker's own, 64 MiB */
  shmSize?: number;
  /** Resource limits, such as `[{ name: 'nofile', soft: 1024, hard: 2048 }]`. */
  ulimits?: Array<{ name: string; soft: number; hard: number }>;
}

/** How a sandbox's container is set up. */
export interface ContainerConfig {
  /** User that everything runs as, such as `'node'`, `'1000'` or `'1000:1000'`. Mirrors `User`. @default the image's */
  user?: string;
  /** Working directory, made where the image lacks it. Mirrors `WorkingDir`. @default that of the snapshot or template, '/workspace' */
  workdir?: string;
  /** Environment of everything that runs. Mirrors `Env`. @default {} */
  env?: Record<string, string>;
  /** Folders of the host to mount, such as `['/host/data:/data:ro']`. Mirrors `Binds`. */
  binds?: string[];
  /** Ports to publish: `{ '8080/tcp': [{ hostPort: 8080, hostIP: '127.0.0.1' }] }`. Mirrors `PortBindings`. */
  ports?: Record<`${number}/${'tcp' | 'udp'}`, PortBinding[]>;
  /** `'bridge'`, `'host'`, `'none'` or the name of a network. Mirrors `NetworkMode`. @default Docker's own */
  networkMode?: string;
  /** Gives the container every right on the host. Mirrors `Privileged`. @default false */
  privileged?: boolean;
  /** Linux capabilities to add and drop, such as `{ drop: ['ALL'], add: ['NET_BIND_SERVICE'] }`. */
  capabilities?: { add?: string[]; drop?: string[] };
  /** GPUs: `'all'`, how many, or device ids such as `'0,1'`. Needs NVIDIA's runtime. Mirrors `DeviceRequests`. */
  gpus?: 'all' | number | string;
  /** Limits of memory, CPU and processes. */
  resources?: ContainerResources;
  /** Where Docker keeps the container's log, such as `'json-file'`, `'none'`. Mirrors `LogConfig.Type`. */
  logDriver?: string;
  /** Options of `logDriver`, such as `{ 'max-size': '10m' }`. Mirrors `LogConfig.Config`. */
  logOpts?: Record<string, string>;
  /** Has Docker remove the container once it stops. Mirrors `AutoRemove`; off with `cleanup` other than `'always'`. @default true */
  autoRemove?: boolean;
  /** Gives the container's first process a terminal; commands have pipes. Mirrors `Tty`. @default true */
  tty?: boolean;
  /** Keeps the first process's stdin open. Mirrors `OpenStdin`. @default false */
  openStdin?: boolean;
}

/** What `docker()` takes. Unknown keys are refused, with the nearest known one named. */
export interface DockerConfig {
  /** How to reach the engine. @default `DOCKER_HOST`, the Docker context, the usual sockets */
  connection?: DockerConnection;
  /** Runtime of sandboxes whose `create` names none. @default 'python' */
  runtime?: Runtime;
  /** Execution timeout where neither the call nor the sandbox has one, milliseconds. @default 300000 */
  timeout?: number;
  /** The image that sandboxes start from. */
  image?: ImageConfig;
  /** How their containers are set up. */
  container?: ContainerConfig;
  /**
   * Body of Docker's `POST /containers/create` in Docker's own field names, merged deep over what the rest of the
   * config makes (this wins; lists are replaced): `{ HostConfig: { Dns: ['1.1.1.1'] } }`.
   */
  createOptions?: Record<string, any>;
  /** Query of Docker's `POST /containers/{id}/start`, such as `{ detachKeys: 'ctrl-q' }`. */
  startOptions?: Record<string, any>;
  /**
   * What `destroy()` does. `'always'`: removes the container and its anonymous volumes. `'onSuccess'`: removes it
   * when every run in it exited 0, else stops and keeps it for a look. `'never'`: stops and keeps it.
   * @default 'always'
   */
  cleanup?: 'always' | 'onSuccess' | 'never';
  /** Also writes pull progress and all output live to this process's stderr, each line led by the short id. @default false */
  streamLogs?: boolean;
  /**
   * How commands reach a sandbox: `'agent'` over one lasting connection (about 2 ms a command), `'exec'` by a
   * Docker exec each (about 70 ms), `'auto'` by the agent wherever it can run. `getInfo().metadata.session` tells.
   * @default 'auto'
   */
  session?: 'auto' | 'agent' | 'exec';
  /**
   * How high the walls are. `'strict'`: no capabilities, no-new-privileges, Docker's seccomp profile, user `1000:1000`
   * where `container.user` (a number then) names none, a read-only root with a writable workdir (tmpfs, 256 MiB) and `/tmp` (64 MiB), no
   * swap, 512 CPU shares where no limit of the CPU is given, no network unless `container.networkMode` names one, ports
   * above 1024 of 127.0.0.1 only; no devices, privileges, restarts, shared namespaces, shared mounts, or folders and
   * sockets that control the host. A config that contradicts is refused with the key's name. Files in tmpfs are no part of snapshots.
   * @default 'default'
   */
  security?: 'default' | 'strict';
  /**
   * The OCI runtime that runs the containers, such as `'runsc'` (gVisor) or `'kata-runtime'`; the engine has to have it.
   * Mirrors `Runtime`. @default the engine's own, runc
   */
  ociRuntime?: string;
  /** Sandboxes that are started before anybody asks. @default none */
  pool?: PoolConfig;
  /** How long sandboxes live, whatever becomes of this process. @default no end */
  lifetime?: SandboxLifetime;
}

/**
 * A pool of started sandboxes with the agent connected. `create()` with no options, or with `runtime` (the config's own),
 * `name`, `envs`, `timeout` and `signal` alone, takes one at once (with `name` after a call to Docker), and the pool fills up
 * behind it; with others it starts a sandbox as without a pool. One that waits exists for nobody: not for `list`, `getById`
 * or `destroy`. A sandbox is handed out once, its `lifetime` begins then. Those that wait when this process ends, also by a
 * crash, remove themselves within seconds, and so does one that was handed out only some milliseconds before. `envs` and
 * `timeout` are known to this process only: another has those of the config. Needs the agent.
 */
export interface PoolConfig {
  /** How many wait, 1 to 1000. They start as soon as `docker()` is called. */
  size: number;
  /** How many there may be at most, waiting and in use; at that the pool does not fill up. @default no limit */
  max?: number;
  /** Milliseconds without a `create()` after which those that wait end; the next one fills the pool again. @default never */
  idleTtl?: number;
}

/** The pool of a provider. It neither holds the event loop open nor delays the end of the process. */
export interface DockerPool {
  /** How it stands: sandboxes that wait, start, are in use; creates that took one, and that found none. */
  stats(): { waiting: number; starting: number; handedOut: number; hits: number; misses: number };
  /** Ends those that wait; the next create fills the pool again. @throws {DockerProviderError} `ERR_DOCKER_UNREACHABLE`, `ERR_DOCKER_API` */
  drain(): Promise<void>;
  /** Ends those that wait and those that start, for good: creates go on without a pool. @throws {DockerProviderError} as `drain()` */
  close(): Promise<void>;
}

/**
 * When a sandbox ends by itself, as if it were destroyed: its first process, the agent, ends, and with it the container,
 * which Docker then removes (`container.autoRemove` with `cleanup: 'always'`; otherwise it stops and stays). That
 * holds when this process is dead (one that died before it had started the sandbox leaves that to the next that makes one,
 * a minute later). Time goes on while a sandbox is paused; its end then comes with `resume()`. Needs the
 * agent.
 */
export interface SandboxLifetime {
  /** Milliseconds from its start; `extendLifetime` adds to it. Code in the sandbox cannot. @default no limit */
  max?: number;
  /**
   * Milliseconds since the last call on it. A command that runs counts as a call, a background one does not; to an
   * eighth of it, at most 5 seconds, exact. @default no limit
   */
  idle?: number;
}

// ---------------------------------------------------------------------------------------------------------------
// Running

/** Options of `runCommand` and `runCode`. */
export interface RunOptions {
  /** Working directory; a relative one starts at the sandbox's workdir. @default the workdir */
  cwd?: string;
  /** Environment, over that of the container. */
  env?: Record<string, string>;
  /**
   * Milliseconds until the whole process tree is killed; the result then has `exitCode` 124 and `timedOut: true`.
   * @default the sandbox's timeout
   */
  timeout?: number;
  /**
   * Returns once the process has started; it outlives the call and this process. `sandbox.processes` has its output,
   * its end and a way to kill it.
   * @default false
   */
  background?: boolean;
  /**
   * Gets standard output as it arrives, characters whole. Every call has been made before the promise settles.
   * An exception thrown here stops the command and rejects the promise.
   */
  onStdout?: (data: string) => void;
  /** The same for standard error; the order of the two streams is kept. */
  onStderr?: (data: string) => void;
  /** Aborting kills the whole process tree; the promise rejects with an error named `AbortError`. */
  signal?: AbortSignal;
  /** User to run as, such as `'root'` or `'1000:1000'`. @default `container.user` */
  user?: string;
  /** What the process reads from standard input. @default nothing: it reads an end of file */
  stdin?: string | Uint8Array;
  /**
   * How much of each stream the result keeps, bytes; callbacks get everything. A stream that passes it sets
   * `truncated`.
   * @default 268435456 (256 MiB)
   */
  maxOutputBytes?: number;
}

/** What came of a command or of code. A non-zero exit is a result, not an error. */
export interface ExecutionResult {
  /** Standard output, UTF-8. */
  stdout: string;
  /** Standard error, UTF-8. */
  stderr: string;
  /** Exit code; 128 + n after signal n, 124 after a timeout. */
  exitCode: number;
  /** How long the call took, milliseconds, to the microsecond. */
  executionTime: number;
  /** The same number as `executionTime`. */
  durationMs: number;
  /** The sandbox that ran it. */
  sandboxId: string;
  /** `'docker'`. */
  provider: string;
  /** A stream passed `maxOutputBytes`: `stdout` or `stderr` is only the head. */
  truncated?: true;
  /** How many bytes standard output had; with `truncated`. */
  stdoutBytes?: number;
  /** How many bytes standard error had; with `truncated`. */
  stderrBytes?: number;
  /** The timeout killed it. */
  timedOut?: true;
  /** It was started in the background. */
  isBackground?: true;
  /** Its process id inside the container; of what was started in the background, by `spawn` or as a terminal. */
  pid?: number;
}

/** Options of `runCode`. */
export interface CodeOptions extends RunOptions {
  /**
   * Runs in this context, which keeps variables and imports. `cwd`, `env`, `user`, `stdin` and `background` are the
   * context's affair then. A timeout or an abort interrupts the code, and the context stays as it is.
   */
  context?: CodeContext;
}

/** What an expression came to. */
export interface CodeValue {
  /** As the interpreter's own prompt shows it. */
  text: string;
  /** As a page shows it, such as a pandas `DataFrame`. */
  html?: string;
  /** A picture, base64: a matplotlib figure, or what has a picture of itself. */
  png?: string;
}

/** Options of `createCodeContext`. */
export interface CodeContextOptions {
  /** Language of its code. @default the sandbox's own */
  runtime?: Runtime;
  /** Working directory. @default the workdir */
  cwd?: string;
  /** Environment, over that of the container. */
  env?: Record<string, string>;
  /** User to run as. @default `container.user` */
  user?: string;
}

/**
 * An interpreter that stays between calls of `runCode(code, { context })`. Calls of one context wait for each other;
 * those of several run side by side. It ends with the program that made it, or with the sandbox. Code that ends its
 * interpreter, or does not listen to an interrupt for three seconds, has the next call start a new one.
 */
export interface CodeContext {
  /** The language of its code. */
  readonly runtime: Runtime;
  /** Starts anew: what runs is ended, variables and imports are gone. @throws {DockerProviderError} as `createCodeContext` */
  restart(): Promise<void>;
  /** Ends it; safe to call twice. A later `runCode` in it rejects with `ERR_CANNOT_RUN`. */
  remove(): Promise<void>;
  /** The same as `remove()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What came of `runCode`. */
export interface CodeResult extends ExecutionResult {
  /** Standard output and standard error in the order of arrival. */
  output: string;
  /** The runtime that ran it. */
  language: string;
  /** What the last expression came to, if it came to something; in a context only. */
  result?: CodeValue;
}

// ---------------------------------------------------------------------------------------------------------------
// Live processes and terminals

/** A signal by its Linux name, such as `'SIGTERM'`, or its number, 1 to 64. */
export type Signal = NodeJS.Signals | number;

/** Options of `spawn`. */
export interface SpawnOptions {
  /** Working directory; a relative one starts at the sandbox's workdir. @default the workdir */
  cwd?: string;
  /** Environment, over that of the container. */
  env?: Record<string, string>;
  /**
   * Milliseconds until the whole process tree is killed; `wait()` then tells `exitCode` 124 and `timedOut: true`.
   * @default none: it runs until it ends
   */
  timeout?: number;
  /** User to run as, such as `'root'` or `'1000:1000'`. @default `container.user` */
  user?: string;
  /** Aborting kills the whole process tree; `wait()` then rejects with an error named `AbortError`. */
  signal?: AbortSignal;
}

/**
 * A running process whose streams you hold, in the habit of Node's `ChildProcess`.
 *
 * Output that is not read holds the process up, as a full pipe does; no memory grows. It ends with the program that
 * started it (`runCommand(…, { background: true })` outlives it), and does not keep that program from ending unless
 * something is being read or awaited. An error of a stream is also told by `wait()`; unheard it ends no program.
 */
export interface SandboxProcess {
  /** Process id inside the container. */
  readonly pid: number;
  /** Standard input, its end too; `null` for what `processes.connect` found. */
  readonly stdin: Writable | null;
  /** Standard output; bytes, unless `setEncoding` is called. */
  readonly stdout: Readable;
  /** Standard error. */
  readonly stderr: Readable;
  /**
   * How it ends, with the fields of `runCommand`'s result; `stdout` and `stderr` in it are empty, nothing is kept in
   * memory. Output that nobody has begun to read by then is let go, so that the process can end.
   * @throws {DockerProviderError} `ERR_SESSION_LOST`, where the connection broke; `AbortError` where `signal` was aborted
   */
  wait(): Promise<ExecutionResult>;
  /**
   * Sends a signal to the process and all that it started, wherever these have moved to. Without one (`'SIGKILL'`) the
   * promise resolves when nothing of them is left. False where the process had ended.
   * @default 'SIGKILL'
   * @throws {DockerProviderError} `ERR_INVALID_CONFIG` for an unknown signal
   */
  kill(signal?: Signal): Promise<boolean>;
  /**
   * The lines of standard output, without their ends. Standard error is let go unless it is being read. Ends when the
   * process does, whatever its exit code.
   * @throws as `wait()`
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<string>;
  /** Kills it: `await using process = await sandbox.spawn('…')`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** One process of a sandbox. */
export interface SandboxProcessInfo {
  pid: number;
  parentPid: number;
  /** The command line, its words divided by spaces; `'[name]'` where there is none any more. */
  command: string;
  /** `'waiting'` is for a disk or the like, and cannot be interrupted. */
  state: 'running' | 'sleeping' | 'waiting' | 'stopped' | 'zombie' | 'idle';
  startedAt: Date;
  /** Processor time used, milliseconds. */
  cpuTime: number;
  /** Resident memory, bytes. */
  memory: number;
  /** It was started by `runCommand` or `runCode` with `background`. Over the exec session always false. */
  isBackground: boolean;
}

/** Options of `processes.waitForPort`. */
export interface WaitForPortOptions {
  /** Milliseconds. @default 30000 */
  timeout?: number;
  /** Aborting rejects with an error named `AbortError`. */
  signal?: AbortSignal;
}

/**
 * The processes of a sandbox, and its background commands by their pid: also those that another program started, once
 * `getById` has found the sandbox.
 *
 * What a background command prints is kept by the agent: the newest 512 KiB of each stream, of every command that runs
 * and of the last 16 that ended, in the sandbox's `/dev/shm`. Neither a read-only root nor a full disk matters to it.
 */
export interface DockerProcesses {
  /** All processes, by pid; the agent's own are left out. @throws {DockerProviderError} `ERR_SANDBOX_NOT_FOUND`, `ERR_SANDBOX_STOPPED`, `ERR_SESSION_LOST` */
  list(): Promise<SandboxProcessInfo[]>;
  /**
   * Sends a signal to a process and all that descends from it. Without one (`'SIGKILL'`) the promise resolves when
   * nothing of them is left.
   * @default 'SIGKILL'
   * @throws {DockerProviderError} `ESRCH` where there is no such process, `EPERM` for the first process of the sandbox
   */
  kill(pid: number, signal?: Signal): Promise<void>;
  /**
   * The end of a background command, which may have come before; `executionTime` is that of this call. Needs the agent.
   * @throws {DockerProviderError} `ESRCH` for a pid that is no background command's, `ERR_AGENT_UNAVAILABLE`
   */
  wait(pid: number): Promise<ExecutionResult>;
  /** What is kept of a background command's output. Needs the agent. @throws {DockerProviderError} `ESRCH`, `ERR_AGENT_UNAVAILABLE` */
  logs(pid: number, options?: { follow?: false }): Promise<{ stdout: string; stderr: string }>;
  /**
   * The same piece by piece, and on until the command has ended. Leaving the loop leaves the command running.
   *
   * ```js
   * for await (const { stream, data } of sandbox.processes.logs(pid, { follow: true })) process[stream].write(data);
   * ```
   */
  logs(
    pid: number,
    options: { follow: true },
  ): AsyncIterableIterator<{ stream: 'stdout' | 'stderr'; data: string }>;
  /**
   * A handle on a background command: its streams begin with what is kept. It has no `stdin`; letting go of the handle
   * leaves the command running, `kill()` ends it. Needs the agent.
   * @throws {DockerProviderError} `ESRCH`, `ERR_AGENT_UNAVAILABLE`
   */
  connect(pid: number): Promise<SandboxProcess>;
  /**
   * Waits until something in the sandbox listens on a TCP port: no sleep between a server's start and its URL.
   *
   * ```js
   * await sandbox.runCommand('python3 -m http.server 8080', { background: true });
   * await sandbox.processes.waitForPort(8080);
   * ```
   * @throws {DockerProviderError} `ERR_PORT_CLOSED` after `timeout`; `AbortError` where `signal` was aborted
   */
  waitForPort(port: number, options?: WaitForPortOptions): Promise<void>;
}

/** Options of `terminal.create`. */
export interface TerminalOptions {
  /** Columns, 1 to 65535. @default 80 */
  cols?: number;
  /** Rows, 1 to 65535. @default 24 */
  rows?: number;
  /** The program in the terminal. @default '/bin/bash', '/bin/sh' where there is none */
  shell?: string;
  /**
   * Gets what is to be shown as it comes, characters whole, escape sequences included. A promise is awaited before more is fetched. An
   * exception ends the terminal and rejects `wait()`. Without it nothing is fetched.
   */
  onData?: (data: string) => unknown;
  /** Working directory. @default the workdir */
  cwd?: string;
  /** Environment, over that of the container. `TERM` is `xterm-256color` and `LANG` `C.UTF-8` where nobody sets them. */
  env?: Record<string, string>;
  /** User to run as. @default `container.user` */
  user?: string;
  /** Milliseconds until all in it is killed. @default none */
  timeout?: number;
  /** Aborting kills all in it; `wait()` then rejects with an error named `AbortError`. */
  signal?: AbortSignal;
}

/** An open terminal. */
export interface SandboxTerminal {
  /** Process id of the shell inside the container. */
  readonly pid: number;
  /** Types: text or bytes, control characters included (`'\x03'` is Ctrl-C). @throws {DockerProviderError} `EPIPE` once it has ended */
  write(data: string | Uint8Array): Promise<void>;
  /** Gives it another size, which the programs in it are told (`SIGWINCH`). */
  resize(size: { cols: number; rows: number }): Promise<void>;
  resize(cols: number, rows: number): Promise<void>;
  /** Sends a signal to all in it; as `SandboxProcess.kill`. @default 'SIGKILL' */
  kill(signal?: Signal): Promise<boolean>;
  /** How the shell ends; every `onData` has run by then. @throws as `SandboxProcess.wait`, and what `onData` threw */
  wait(): Promise<ExecutionResult>;
  /** Kills it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Interactive terminals of a sandbox, any number at once. */
export interface DockerTerminals {
  /**
   * Opens a terminal: a real one, with job control, sizes and signals.
   *
   * ```js
   * const terminal = await sandbox.terminal.create({ cols: 100, rows: 30, onData: (data) => socket.send(data) });
   * await terminal.write('ls\n');
   * ```
   * @throws {DockerProviderError} `ERR_AGENT_UNAVAILABLE` over the exec session, `ERR_CANNOT_RUN` or `ENOENT` where there
   *   is no such shell, `ERR_SANDBOX_NOT_FOUND`, `ERR_SANDBOX_STOPPED`, `ERR_SESSION_LOST`
   */
  create(options?: TerminalOptions): Promise<SandboxTerminal>;
}

// ---------------------------------------------------------------------------------------------------------------
// Sandbox

/** What `getInfo()` tells. */
export interface SandboxInfo {
  /** The sandbox's id, which is the full container id. */
  id: string;
  /** `'docker'`. */
  provider: string;
  /** The runtime that it was created for. */
  runtime: Runtime;
  /** `'running'` also while paused; `'error'` where Docker could not start or remove the container. */
  status: 'running' | 'stopped' | 'error';
  createdAt: Date;
  /** Default execution timeout of this sandbox, milliseconds. */
  timeout: number;
  /** When it ends by itself unless it is used (`lifetime.idle`) or extended; asking counts as use. Only with a lifetime. */
  expiresAt?: Date;
  /**
   * The caller's own metadata with its types, and `image`, `name`, `runtime`, `session` (`'agent'` or `'exec'`),
   * `sessionReason` (why `'auto'` fell back), `engine` (`{ name, version, apiVersion, found }`).
   */
  metadata: Record<string, any>;
}

/** What a sandbox uses at a moment, and how much of it it may. */
export interface SandboxMetrics {
  timestamp: Date;
  cpu: {
    /** Of one CPU, since the measurement before, else over a moment: 150 is one and a half. */
    percent: number;
    /** CPU time since the sandbox started, milliseconds. */
    timeMs: number;
    /** How many CPUs it may use at once: its limit, else those of the engine's machine. */
    limit: number;
  };
  memory: {
    /** Bytes, without files that the kernel keeps only while nobody needs the room. */
    usedBytes: number;
    /** Bytes: its limit, else the memory of the engine's machine. */
    limitBytes: number;
  };
  /** Bytes over the network since the sandbox started; 0 where it has none of its own. */
  network: { receivedBytes: number; sentBytes: number };
  /** Processes and threads, and how many there may be; null is no limit. */
  pids: { current: number; limit: number | null };
}

/** One entry of a folder. */
export interface FileEntry {
  name: string;
  /** The folder as it was given, and the name; of the workdir as `'.'`, the name alone. */
  path: string;
  isDirectory: boolean;
  /** Links count as what they lead to. */
  type: 'file' | 'directory';
  /** Bytes. */
  size: number;
  /** When the content last changed. */
  lastModified: Date;
  /** The same moment as `lastModified`. */
  modified: Date;
}

/** What `stat` tells. */
export interface FileStat {
  /** As it was given. */
  path: string;
  /** `'link'` only with `followLinks: false`; `'other'` is a FIFO, a socket or a device. */
  type: 'file' | 'directory' | 'link' | 'other';
  isFile: boolean;
  isDirectory: boolean;
  isSymbolicLink: boolean;
  /** Bytes. */
  size: number;
  /** Permission bits with set-id and sticky, such as `0o644`. */
  mode: number;
  /** The owner's number. */
  uid: number;
  /** The group's number. */
  gid: number;
  /** When the content last changed. */
  modified: Date;
  /** The same moment as `modified`. */
  lastModified: Date;
  /** When it was last read, as far as the file system notes that. */
  accessed: Date;
  /** When content, owner or mode last changed. */
  changed: Date;
  /** What a link holds. */
  target?: string;
}

/** Options of `createReadStream`. */
export interface ReadStreamOptions {
  /** Gives strings instead of Buffers. */
  encoding?: BufferEncoding | null;
  /** Bytes that the stream holds ahead of its reader. @default 65536, Node's own */
  highWaterMark?: number;
  /** The first byte, from 0. @default 0 */
  start?: number;
  /** The last byte, as in Node: it is read too. @default the file's last */
  end?: number;
  /** Destroys the stream with an `AbortError`. */
  signal?: AbortSignal;
}

/** Options of `createWriteStream`. */
export interface WriteStreamOptions {
  /** Of strings that are written without one. @default 'utf8' */
  encoding?: BufferEncoding | null;
  /** Bytes after which `write()` answers false. @default 16384, Node's own */
  highWaterMark?: number;
  /** `'w'` replaces what the file held, `'a'` appends. @default 'w' */
  flags?: 'w' | 'a';
  /** Permission bits that the file has in the end, such as `0o755`. @default as it has them, or as the umask gives them */
  mode?: number | string;
  /** Destroys the stream with an `AbortError`; the file keeps what was written. */
  signal?: AbortSignal;
}

/** How far an upload or download is. */
export interface TransferProgress {
  /** Bytes moved so far. */
  bytes: number;
  /** Bytes of all files, as they were when it began. */
  totalBytes: number;
  /** Files that are there whole. */
  files: number;
}

/** Options of `upload` and `download`. */
export interface TransferOptions {
  /** Told about ten times a second, and at the end. What it throws ends the transfer and rejects the call. */
  onProgress?: (progress: TransferProgress) => void;
  /** Ends the transfer with an `AbortError`: no file is left half-written, those that are whole stay. */
  signal?: AbortSignal;
}

/** What an upload or download came to. */
export interface TransferResult {
  /** Files moved. */
  files: number;
  /** Bytes moved. */
  bytes: number;
  /** Paths of what was left out: FIFOs, sockets, devices, and on Windows links and names that cannot be there. */
  skipped: string[];
}

/** Something that happened to a watched file. */
export interface WatchEvent {
  /**
   * `'rename'` is of the old name, a `'create'` of the new one follows if that is watched too. `'overflow'`: more happened
   * than could be told; look for yourself.
   */
  type: 'create' | 'write' | 'remove' | 'rename' | 'chmod' | 'overflow';
  /** What is watched as it was given, and the path below it. */
  path: string;
}

/** Options of `watch`. */
export interface WatchOptions {
  /** Also all folders below, those that come later included; links are not followed. @default false */
  recursive?: boolean;
  /** Ends the watch. */
  signal?: AbortSignal;
}

/** A watch that goes on until it is closed. It keeps Node running, as `fs.watch` does. */
export interface FileWatcher {
  /** Ends it; no event is told after that. */
  close(): Promise<void>;
  /** Settles when it has ended; rejects with what the callback threw, or `ERR_SESSION_LOST` where the sandbox has gone. */
  readonly closed: Promise<void>;
  /** The same as `close()`: `await using watcher = …`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Files of a sandbox. Relative paths start at the workdir; nothing in a path is ever taken for shell.
 *
 * Failures carry Node's own codes with `path` and `syscall`: `ENOENT`, `EISDIR`, `ENOTDIR`, `EACCES`, `ENOSPC`, `EROFS`.
 * Calls that need the agent reject with `ERR_AGENT_UNAVAILABLE` in a sandbox that works without it (`session: 'exec'`).
 */
export interface DockerFileSystem {
  /**
   * Reads a file of any size as text; bytes that are not UTF-8 become U+FFFD.
   * @throws {DockerProviderError} `ENOENT`, `EISDIR`, `EACCES`, `ERR_SANDBOX_NOT_FOUND`, `ERR_SESSION_LOST`
   */
  readFile(path: string, options?: { encoding?: 'utf8' | 'utf-8' } | 'utf8' | 'utf-8'): Promise<string>;
  /** Reads a file of any size as it is. */
  readFile(path: string, options: { encoding: null } | null): Promise<Buffer>;
  /**
   * Writes a file, making missing parent folders; what it held is replaced.
   * @throws {DockerProviderError} `EISDIR`, `EACCES`, `ENOSPC`, `EROFS`, `ERR_SANDBOX_NOT_FOUND`, `ERR_SESSION_LOST`
   */
  writeFile(path: string, content: string | Uint8Array | ArrayBuffer): Promise<void>;
  /** Makes a folder and its parents; one that exists is fine. @throws {DockerProviderError} `ENOTDIR`, `EACCES`, `EROFS` */
  mkdir(path: string): Promise<void>;
  /**
   * Lists a folder, sorted by name; with `recursive`, all that is below it, sorted by path: folders behind links are not
   * entered. `recursive` needs the agent.
   * @throws {DockerProviderError} `ENOENT`, `ENOTDIR`, `EACCES`, `ERR_AGENT_UNAVAILABLE`
   */
  readdir(path: string, options?: { recursive?: boolean }): Promise<FileEntry[]>;
  /** Whether something is there, through links. */
  exists(path: string): Promise<boolean>;
  /** Removes a file, or a folder with all that is in it; a missing one is fine. @throws {DockerProviderError} `EACCES`, `EROFS` */
  remove(path: string): Promise<void>;

  /**
   * What a file, folder or link is. Times are to the millisecond; over `session: 'exec'`, to the second.
   * @param options `followLinks: false` tells of a link itself @default { followLinks: true }
   * @throws {DockerProviderError} `ENOENT`, `ENOTDIR`, `EACCES`
   */
  stat(path: string, options?: { followLinks?: boolean }): Promise<FileStat>;
  /**
   * Gives a file or folder another name; a file that has it is replaced, and so is an empty folder by a folder. Between
   * file systems it is copied and then removed.
   * @throws {DockerProviderError} `ENOENT`, `EISDIR`, `ENOTDIR`, `ENOTEMPTY`, `EACCES`, `EROFS`
   */
  rename(from: string, to: string): Promise<void>;
  /**
   * Copies a file, a link, or a folder with all that is in it. Permission bits and links are kept, missing parents are
   * made, a file in the place is replaced, a folder there is filled.
   * @throws {DockerProviderError} `ENOENT`, `EISDIR`, `ENOTDIR`, `EACCES`, `ENOSPC`, `EROFS`; `EINVAL` for a folder into
   *   itself, and for FIFOs, sockets and devices
   */
  copy(from: string, to: string): Promise<void>;
  /**
   * Changes permission bits, through links.
   * @param mode such as `0o755` or `'755'`
   * @throws {DockerProviderError} `ENOENT`, `EPERM`, `EROFS`
   */
  chmod(path: string, mode: number | string): Promise<void>;

  /**
   * A file as a stream: the sandbox reads on only as its reader does. Destroying it closes the file. Errors, such as
   * `ENOENT`, are the stream's. Needs the agent.
   *
   * ```js
   * await pipeline(sandbox.filesystem.createReadStream('/tmp/data.csv'), response);
   * ```
   */
  createReadStream(path: string, options?: ReadStreamOptions | BufferEncoding): Readable;
  /**
   * A stream into a file, made with its missing parents: `write()` answers false while the sandbox is slower. `'finish'`
   * comes when everything is in the file; destroyed before, the file keeps what was written. Needs the agent.
   *
   * ```js
   * await pipeline(request, sandbox.filesystem.createWriteStream('/tmp/upload.bin'));
   * ```
   */
  createWriteStream(path: string, options?: WriteStreamOptions | BufferEncoding): Writable;

  /**
   * Copies a file or folder of this machine into the sandbox, where `path` becomes what `hostPath` is: a folder that is
   * there is filled. Permission bits and links are kept, the owner is the sandbox's user. In a folder nothing is written
   * outside of `path`: links in the way are replaced. Needs the agent.
   *
   * ```js
   * await sandbox.filesystem.upload('./project', '/workspace', { onProgress: ({ bytes, totalBytes }) => {} });
   * ```
   * @throws {DockerProviderError} Node's codes of either side, with `path` telling which; `ERR_AGENT_UNAVAILABLE`;
   *   `AbortError` where `signal` was aborted
   */
  upload(hostPath: string, path: string, options?: TransferOptions): Promise<TransferResult>;
  /**
   * Copies a file or folder of the sandbox to this machine, where `hostPath` becomes what `path` is: a folder that is
   * there is filled. Permission bits (without set-id) and links are kept. Whatever the sandbox holds, nothing is written
   * outside of `hostPath`, and never through a link. Needs the agent.
   * @throws {DockerProviderError} Node's codes of either side, with `path` telling which; `ERR_AGENT_UNAVAILABLE`;
   *   `AbortError` where `signal` was aborted
   */
  download(path: string, hostPath: string, options?: TransferOptions): Promise<TransferResult>;

  /**
   * Tells what happens to a file, in a folder or, with `recursive`, in all below it. The watch has begun when the promise
   * resolves; events come one after another, each when the callback before has ended. Needs the agent.
   *
   * ```js
   * const watcher = await sandbox.filesystem.watch('/workspace', { recursive: true }, ({ type, path }) => console.log(type, path));
   * await watcher.close();
   * ```
   * @throws {DockerProviderError} `ENOENT`, `EACCES`, `ENOSPC` where the system has no watches left,
   *   `ERR_AGENT_UNAVAILABLE`
   */
  watch(
    path: string,
    options: WatchOptions | undefined,
    onEvent: (event: WatchEvent) => unknown,
  ): Promise<FileWatcher>;
  watch(path: string, onEvent: (event: WatchEvent) => unknown): Promise<FileWatcher>;
}

/** A place of its own to run code in: one Docker container. */
export interface DockerSandbox {
  /** The full container id. */
  readonly sandboxId: string;
  /** `'docker'`. */
  readonly provider: string;
  /** Files of the sandbox. */
  readonly filesystem: DockerFileSystem;
  /** What runs in the sandbox, and background commands by their pid. */
  readonly processes: DockerProcesses;
  /** Interactive terminals. */
  readonly terminal: DockerTerminals;

  /**
   * Runs Python or Node.js code of any size and collects what it prints. CommonJS and ECMAScript modules both work.
   *
   * ```js
   * const { stdout } = await sandbox.runCode('print(6 * 7)', 'python'); // '42\n'
   * ```
   * @param runtime the language; default: the sandbox's own
   * @throws {Error} `Syntax error: …` (`ERR_SYNTAX`) where the code itself does not compile
   * @throws {DockerProviderError} `ERR_UNSUPPORTED_RUNTIME`, `ERR_SANDBOX_NOT_FOUND`, `ERR_SANDBOX_STOPPED`,
   *   `ERR_SESSION_LOST`, `ERR_CANNOT_RUN`; `AbortError` where `signal` was aborted
   */
  runCode(code: string, runtime?: Runtime, options?: CodeOptions): Promise<CodeResult>;
  /** The same in the sandbox's own runtime, or in a context. */
  runCode(code: string, options: CodeOptions): Promise<CodeResult>;

  /**
   * Starts an interpreter that keeps variables and imports from one `runCode` to the next, and tells what a last
   * expression came to.
   *
   * ```js
   * const context = await sandbox.createCodeContext({ runtime: 'python' });
   * await sandbox.runCode('import math; r = 2', { context });
   * const { result } = await sandbox.runCode('math.pi * r ** 2', { context }); // { text: '12.566370614359172' }
   * ```
   * @throws {DockerProviderError} `ERR_UNSUPPORTED_RUNTIME`, `ERR_CANNOT_RUN` (no such interpreter in the image),
   *   `ENOENT` (no such folder), `ERR_SANDBOX_NOT_FOUND`, `ERR_SANDBOX_STOPPED`, `ERR_SESSION_LOST`
   */
  createCodeContext(options?: CodeContextOptions): Promise<CodeContext>;

  /**
   * Runs a command by `/bin/sh -c`. `command` is shell text as it is; each of `args` is one word, quoted for the
   * shell.
   *
   * ```js
   * await sandbox.runCommand('ls -l | head');
   * await sandbox.runCommand('sh', ['-lc', 'echo Hello from command']);
   * await sandbox.runCommand('npm test', { cwd: '/app', timeout: 60_000, onStdout: (text) => process.stdout.write(text) });
   * ```
   * @throws {DockerProviderError} `ERR_SANDBOX_NOT_FOUND`, `ERR_SANDBOX_STOPPED`, `ERR_SESSION_LOST`,
   *   `ERR_CANNOT_RUN` (no shell in the image); `AbortError` where `signal` was aborted
   */
  runCommand(command: string, options?: RunOptions): Promise<ExecutionResult>;
  runCommand(command: string, args?: readonly string[], options?: RunOptions): Promise<ExecutionResult>;

  /**
   * Starts a process and hands over its streams, as Node's `child_process.spawn` does. With `args`, even empty ones,
   * `command` is a program and each of them one argument: no shell is involved. Without `args` it is text for
   * `/bin/sh -c`, as for `runCommand`.
   *
   * ```js
   * const build = await sandbox.spawn('npm', ['run', 'build'], { cwd: '/app' });
   * for await (const line of build) console.log(line);
   * console.log((await build.wait()).exitCode);
   * ```
   * @throws {DockerProviderError} `ENOENT`, `EACCES` (no such program or folder), `ERR_CANNOT_RUN`,
   *   `ERR_SANDBOX_NOT_FOUND`, `ERR_SANDBOX_STOPPED`, `ERR_SESSION_LOST`; `AbortError` where `signal` was aborted
   */
  spawn(command: string, options?: SpawnOptions): Promise<SandboxProcess>;
  spawn(command: string, args: readonly string[], options?: SpawnOptions): Promise<SandboxProcess>;

  /** Where the sandbox stands. @throws {DockerProviderError} `ERR_SANDBOX_NOT_FOUND`, `ERR_DOCKER_UNREACHABLE` */
  getInfo(): Promise<SandboxInfo>;

  /**
   * The URL of a port of the sandbox, such as `'http://localhost:49153'`: the published port, else the container's
   * own address where the engine is local.
   * @param options.protocol scheme of the URL. @default 'http'
   * @throws {DockerProviderError} `ERR_PORT_NOT_PUBLISHED`, `ERR_SANDBOX_NOT_FOUND`
   */
  getUrl(options: { port: number; protocol?: string }): Promise<string>;

  /** Docker's own view of the sandbox, with dockerode's methods. */
  getInstance(): DockerInstance;

  /** The provider that made it (`===`). */
  getProvider(): DockerProvider;

  /**
   * What the sandbox uses, and its limits: once where it is awaited, again and again in a loop.
   *
   * ```js
   * const { memory } = await sandbox.metrics();
   * for await (const { cpu } of sandbox.metrics({ interval: 500 })) console.log(cpu.percent);
   * ```
   * The loop ends when the sandbox has ended or stopped, or `signal` is aborted.
   * Engines read about once a second, which is how long a measurement may take.
   * @param options.interval milliseconds between two measurements of a loop. @default 1000
   * @throws {DockerProviderError} `ERR_SANDBOX_NOT_FOUND`, `ERR_SANDBOX_STOPPED`, `ERR_DOCKER_UNREACHABLE`, `ERR_DOCKER_API`
   */
  metrics(options?: {
    interval?: number;
    signal?: AbortSignal;
  }): Promise<SandboxMetrics> & AsyncIterable<SandboxMetrics>;

  /**
   * Puts the end off that `lifetime.max` set.
   * @param ms milliseconds to add, 1 to about 5,368,709,000 (62 days), rounded up to 10
   * @returns the new end
   * @throws {DockerProviderError} `ERR_INVALID_CONFIG` (no `lifetime.max`, or no such number), `ERR_SANDBOX_NOT_FOUND`,
   *   `ERR_SANDBOX_STOPPED`, `ERR_DOCKER_UNREACHABLE`
   */
  extendLifetime(ms: number): Promise<Date>;

  /**
   * Freezes every process of the sandbox, until `resume()`. Commands that run wait, with their timeouts running on; new
   * ones and file calls reject with `ERR_SANDBOX_STOPPED`. Memory stays taken. Safe to call twice.
   * @throws {DockerProviderError} `ERR_SANDBOX_NOT_FOUND`, `ERR_DOCKER_UNREACHABLE`, `ERR_DOCKER_API` (such as a stopped one)
   */
  pause(): Promise<void>;
  /** Lets a paused sandbox go on. Safe to call twice. @throws {DockerProviderError} as `pause()` */
  resume(): Promise<void>;

  /**
   * Ends the sandbox, as `config.cleanup` says. Safe to call twice; every later call rejects with
   * `ERR_SANDBOX_NOT_FOUND`.
   * @throws {DockerProviderError} `ERR_DOCKER_UNREACHABLE`, `ERR_DOCKER_API`
   */
  destroy(): Promise<void>;
  /** The same as `destroy()`. */
  kill(): Promise<void>;
  /** The same as `destroy()`: `await using sandbox = await provider.sandbox.create()` ends it with its block. */
  [Symbol.asyncDispose](): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------
// Provider

/**
 * Options of `sandbox.create`. Keys that ComputeSDK has for other providers' machine sizes (`cpu`, `vmTier`, …) are
 * refused here; `container.resources` sets the limits.
 */
export interface CreateSandboxOptions {
  /**
   * Language of `runCode`. One that contradicts the configured image falls back to the runtime's own image.
   * @default that of the snapshot or template, `config.runtime`
   */
  runtime?: Runtime;
  /** Image to start from. @default `config.image.name` */
  image?: string;
  /** Template to start from, by its id or name, or any image; wins over `image`. */
  templateId?: string;
  /** Snapshot to start from, or any image; wins over `templateId` and `image`. */
  snapshotId?: string;
  /** Environment, over `container.env`. */
  envs?: Record<string, string>;
  /** Anything JSON can hold; comes back in `getInfo().metadata`, to every process. Kept in labels. */
  metadata?: Record<string, any>;
  /** Name of the container. One in use is an error. @default Docker makes one up */
  name?: string;
  /** Goes before the name: `namespace-name`. */
  namespace?: string;
  /** Default execution timeout of this sandbox, milliseconds. @default `config.timeout` */
  timeout?: number;
  /** How long it lives, over `config.lifetime` key by key. @default `config.lifetime` */
  lifetime?: SandboxLifetime;
  /** Ports to publish, each on a free port of 127.0.0.1, beside `container.ports`. */
  ports?: number[];
  /** Attaches to this running sandbox; creates a new one where it is not there. */
  sandboxId?: string;
  /** Aborting rejects with an error named `AbortError` and leaves no container behind. */
  signal?: AbortSignal;
}

/** Creates and finds sandboxes. Only containers that this package made exist for it. */
export interface DockerSandboxManager {
  /**
   * Starts a sandbox.
   * @throws {DockerProviderError} `ERR_INVALID_CONFIG`, `ERR_UNSUPPORTED_RUNTIME`, `ERR_DOCKER_UNREACHABLE`,
   *   `ERR_DOCKER_API`, `ERR_IMAGE_NOT_FOUND`, `ERR_IMAGE_PULL`, `ERR_REGISTRY_AUTH`, `ERR_AGENT_UNAVAILABLE`;
   *   `AbortError` where `signal` was aborted
   */
  create(options?: CreateSandboxOptions): Promise<DockerSandbox>;
  /**
   * Finds a sandbox, also one that another process made; null for an unknown id or a foreign container.
   * @throws {DockerProviderError} `ERR_DOCKER_UNREACHABLE`, `ERR_DOCKER_API`
   */
  getById(sandboxId: string): Promise<DockerSandbox | null>;
  /** All sandboxes on this engine. @throws {DockerProviderError} `ERR_DOCKER_UNREACHABLE`, `ERR_DOCKER_API` */
  list(): Promise<DockerSandbox[]>;
  /**
   * Ends a sandbox; an unknown id is fine, a foreign container is not.
   * @throws {DockerProviderError} `ERR_SANDBOX_NOT_FOUND`, `ERR_DOCKER_UNREACHABLE`, `ERR_DOCKER_API`
   */
  destroy(sandboxId: string): Promise<void>;
  /**
   * Removes what hosts that died have left on this engine: sandboxes that have stopped (those that `cleanup` kept, too)
   * or never started and are older than a minute, and agent volumes of other versions that nobody uses.
   *
   * ```js
   * await provider.sandbox.prune({ olderThan: 24 * 3600_000 });
   * ```
   * @param options.olderThan removes every sandbox that was created longer ago, milliseconds, running or not
   * @param options.all removes every sandbox, whoever made it, and the agent's volume, which the next one fills again
   * @throws {DockerProviderError} `ERR_INVALID_CONFIG`, `ERR_DOCKER_UNREACHABLE`, `ERR_DOCKER_API`
   */
  prune(options?: { olderThan?: number; all?: boolean }): Promise<PruneResult>;
}

/** What `prune` removed. */
export interface PruneResult {
  /** Ids of sandboxes. */
  sandboxes: string[];
  /** Ids of sandboxes that waited in a pool. */
  poolMembers: string[];
  /** Ids of containers that were made to fill an agent volume. */
  helpers: string[];
  /** Names of agent volumes. */
  volumes: string[];
}

/** A saved state of a sandbox. */
export interface DockerSnapshot {
  /** What `create({ snapshotId })` takes, such as `'computesdk-snapshot:5f0c…'`; an image of that name on the engine. */
  id: string;
  /** `'docker'`. */
  provider: string;
  createdAt: Date;
  /** The name it was given. */
  name?: string;
  /** The sandbox that it was made of. */
  sandboxId: string;
  /** The runtime of that sandbox, which one that is made from it has too. */
  runtime?: Runtime;
  /** Size of the image, bytes; most of it is shared with the image that the sandbox started from. */
  size: number;
  /** The metadata it was given; that of the sandbox is not part of it. */
  metadata: Record<string, any>;
}

/**
 * Saves sandboxes, as images on the engine, and starts new ones from them.
 *
 * ```js
 * await sandbox.runCommand('pip install pandas');
 * const { id } = await provider.snapshot.create(sandbox.sandboxId, { name: 'pandas' });
 * const copy = await provider.sandbox.create({ snapshotId: id });
 * ```
 *
 * Part of a snapshot: all files of the container, its environment (`container.env` and `envs`, **so do not put secrets
 * there**: `env` of a run is not kept), its user, workdir and runtime. Not part: mounts (`container.binds`, volumes,
 * tmpfs), running processes and memory, limits, ports, name and metadata.
 */
export interface DockerSnapshotManager {
  /**
   * Saves a sandbox, which runs on; it stands still while its files are copied.
   * @param options.name a name to tell it by; need not be unique
   * @param options.metadata anything JSON can hold; comes back from `list`, to every process
   * @throws {DockerProviderError} `ERR_SANDBOX_NOT_FOUND`, `ERR_DOCKER_API`, `ERR_DOCKER_UNREACHABLE`
   */
  create(
    sandboxId: string,
    options?: { name?: string; metadata?: Record<string, any> },
  ): Promise<DockerSnapshot>;
  /**
   * The snapshots on this engine, newest first.
   * @param options.sandboxId only those of this sandbox
   * @param options.limit at most so many
   * @throws {DockerProviderError} `ERR_DOCKER_UNREACHABLE`, `ERR_DOCKER_API`
   */
  list(options?: { sandboxId?: string; limit?: number }): Promise<DockerSnapshot[]>;
  /**
   * Deletes a snapshot. An image that is no snapshot of ours does not exist for it.
   * @throws {DockerProviderError} `ERR_SNAPSHOT_NOT_FOUND`; `ERR_SNAPSHOT_IN_USE`, naming the sandboxes that use it;
   *   `ERR_DOCKER_UNREACHABLE`, `ERR_DOCKER_API`
   */
  delete(snapshotId: string): Promise<void>;
}

/** A named image that sandboxes start from. */
export interface DockerTemplate {
  /** What `create({ templateId })` takes, as it does the name: `'computesdk-template:NAME'`. */
  id: string;
  name: string;
  description?: string;
  /** `'docker'`. */
  provider: string;
  createdAt: Date;
  /** The runtime of sandboxes whose `create` names none. */
  runtime?: Runtime;
  /** Size of the image, bytes, with what it starts from. */
  size: number;
  metadata: Record<string, any>;
}

/** Options of `template.create`. */
export interface CreateTemplateOptions {
  /** 1 to 128 letters, digits, `_`, `.` and `-`. A template that has the name already is replaced. */
  name: string;
  /** Comes back from `list`. */
  description?: string;
  /**
   * What to build: the text of a Dockerfile, or its path within `context`.
   * @default `Dockerfile` of the context; without a context, the provider's own image
   */
  dockerfile?: string;
  /** Image to start from, instead of a Dockerfile. */
  image?: string;
  /**
   * What `COPY` finds: a folder of the host, whose `.dockerignore` counts, or files by their relative paths,
   * `{ 'requirements.txt': 'pandas\n' }`. Held in memory while it is sent.
   */
  context?: string | Record<string, string | Uint8Array>;
  /** Shell commands to run at the end, in order, such as `['pip install pandas']`; each by `/bin/sh -c`. */
  setup?: readonly string[];
  /** The runtime of sandboxes that start from it and whose `create` names none. @default that of the image it starts from, `config.runtime` */
  runtime?: Runtime;
  /** Anything JSON can hold; comes back from `list`, to every process. */
  metadata?: Record<string, any>;
  /** Gets what the builder says, as it arrives. An exception thrown here ends the build and rejects the promise. */
  onOutput?: (text: string) => void;
  /** Aborting ends the build and rejects with an error named `AbortError`. */
  signal?: AbortSignal;
}

/**
 * Builds images that sandboxes start from.
 *
 * ```js
 * await provider.template.create({ name: 'data', image: 'python:3.11-slim', setup: ['pip install pandas'] });
 * const sandbox = await provider.sandbox.create({ templateId: 'data' });
 * ```
 */
export interface DockerTemplateManager {
  /**
   * Builds a template, by the engine's own builder.
   * @throws {DockerProviderError} `ERR_TEMPLATE_BUILD`, with the step that failed and the end of its output;
   *   `ERR_INVALID_CONFIG`, `ERR_IMAGE_NOT_FOUND`, `ERR_IMAGE_PULL`, `ERR_REGISTRY_AUTH`, `ERR_UNSUPPORTED_RUNTIME`,
   *   `ERR_DOCKER_UNREACHABLE`, `ERR_DOCKER_API`; `AbortError` where `signal` was aborted
   */
  create(options: CreateTemplateOptions): Promise<DockerTemplate>;
  /** The templates on this engine, newest first. @throws {DockerProviderError} `ERR_DOCKER_UNREACHABLE`, `ERR_DOCKER_API` */
  list(options?: { limit?: number }): Promise<DockerTemplate[]>;
  /**
   * Deletes a template, by its id or its name. An image that is no template of ours does not exist for it.
   * @throws {DockerProviderError} `ERR_TEMPLATE_NOT_FOUND`; `ERR_TEMPLATE_IN_USE`, naming the sandboxes that use it;
   *   `ERR_DOCKER_UNREACHABLE`, `ERR_DOCKER_API`
   */
  delete(templateId: string): Promise<void>;
}

/** What `docker(config)` returns: fits `compute({ provider })` of computesdk and `Provider` of @computesdk/provider. */
export interface DockerProvider {
  /** `'docker'`. */
  readonly name: string;
  /** Creates and finds sandboxes. */
  readonly sandbox: DockerSandboxManager;
  /** Saves sandboxes. */
  readonly snapshot: DockerSnapshotManager;
  /** Builds images that sandboxes start from. */
  readonly template: DockerTemplateManager;
  /** The pool; only with `config.pool`. */
  readonly pool?: DockerPool;
  /** `['node', 'python']`. */
  getSupportedRuntimes(): Runtime[];
}

/**
 * Makes a provider. Nothing is asked of Docker yet, so the engine may come up later.
 *
 * ```js
 * const provider = docker({ runtime: 'python', image: { name: 'python:3.11-slim' } });
 * const sandbox = await provider.sandbox.create();
 * ```
 * @throws {DockerProviderError} `ERR_INVALID_CONFIG`, at once, naming the key's path and what was expected
 */
export function docker(config?: DockerConfig): DockerProvider;

// ---------------------------------------------------------------------------------------------------------------
// Docker itself

/** Options in Docker's or dockerode's own names; see Docker's API reference. */
export type DockerOptions = Record<string, any>;

/** What `getInstance()` gives: Docker's own view of a sandbox. Rejections carry dockerode's `statusCode`, `reason` and `json`. */
export interface DockerInstance {
  /** The engine. */
  docker: DockerClient;
  /** The sandbox's container. */
  container: DockerContainer;
  containerId: string;
  /** The image that it was created from. */
  image: string;
  createdAt: Date;
}

/** A container; the promise methods of dockerode's `Container`. */
export interface DockerContainer {
  readonly id: string;
  /** `GET /containers/{id}/json` */
  inspect(options?: DockerOptions): Promise<any>;
  /** `POST /containers/{id}/start` */
  start(options?: DockerOptions): Promise<any>;
  /** `POST /containers/{id}/stop`, such as `{ t: 5 }` */
  stop(options?: DockerOptions): Promise<any>;
  /** `POST /containers/{id}/kill`, such as `{ signal: 'SIGTERM' }` */
  kill(options?: DockerOptions): Promise<any>;
  /** `POST /containers/{id}/restart` */
  restart(options?: DockerOptions): Promise<any>;
  /** `POST /containers/{id}/pause` */
  pause(options?: DockerOptions): Promise<any>;
  /** `POST /containers/{id}/unpause` */
  unpause(options?: DockerOptions): Promise<any>;
  /** `DELETE /containers/{id}`, such as `{ force: true, v: true }` */
  remove(options?: DockerOptions): Promise<any>;
  /** `POST /containers/{id}/rename`, such as `{ name: 'worker' }` */
  rename(options: DockerOptions): Promise<any>;
  /** `POST /containers/{id}/update`, such as `{ Memory: 1e9 }` */
  update(options: DockerOptions): Promise<any>;
  /** `POST /containers/{id}/wait`; answers `{ StatusCode }` */
  wait(options?: DockerOptions): Promise<any>;
  /** `GET /containers/{id}/logs`, such as `{ stdout: true, tail: 100 }` */
  logs(options?: DockerOptions & { follow?: false }): Promise<Buffer>;
  /** The log as it grows. */
  logs(options: DockerOptions & { follow: true }): Promise<Readable>;
  /** `GET /containers/{id}/stats`, once */
  stats(options: DockerOptions & { stream: false }): Promise<any>;
  /** Statistics as they come, a JSON object a line. */
  stats(options?: DockerOptions & { stream?: true }): Promise<Readable>;
  /** `GET /containers/{id}/top`, such as `{ ps_args: 'aux' }` */
  top(options?: DockerOptions): Promise<any>;
  /** `GET /containers/{id}/changes` */
  changes(options?: DockerOptions): Promise<any>;
  /** `POST /commit`, such as `{ repo: 'worker', tag: 'v1' }`; answers `{ Id }` */
  commit(options?: DockerOptions): Promise<any>;
  /** `PUT /containers/{id}/archive`: unpacks a tar (bytes, a stream, or the path of a file) at `options.path` */
  putArchive(file: string | Uint8Array | NodeJS.ReadableStream, options: DockerOptions): Promise<any>;
  /** `GET /containers/{id}/archive`: a tar of `options.path` */
  getArchive(options: DockerOptions): Promise<Readable>;
}

/** An image; promise methods of dockerode's `Image`. */
export interface DockerImage {
  readonly name: string;
  /** `GET /images/{name}/json` */
  inspect(options?: DockerOptions): Promise<any>;
  /** `DELETE /images/{name}`, such as `{ force: true }` */
  remove(options?: DockerOptions): Promise<any>;
  /** `POST /images/{name}/tag`, such as `{ repo: 'worker', tag: 'v1' }` */
  tag(options?: DockerOptions): Promise<any>;
}

/** The engine; promise methods of dockerode's `Docker`. */
export interface DockerClient {
  /** `GET /_ping` */
  ping(): Promise<any>;
  /** `GET /version` */
  version(): Promise<any>;
  /** `GET /info` */
  info(): Promise<any>;
  /** `GET /system/df` */
  df(): Promise<any>;
  /** `GET /containers/json`, such as `{ all: true, filters: { label: ['a=b'] } }` */
  listContainers(options?: DockerOptions): Promise<any[]>;
  /** `GET /images/json` */
  listImages(options?: DockerOptions): Promise<any[]>;
  /** `POST /images/create`: progress as it comes, a JSON object a line; `{ authconfig }` as dockerode takes it */
  pull(repoTag: string, options?: DockerOptions): Promise<Readable>;
  getContainer(id: string): DockerContainer;
  getImage(name: string): DockerImage;
}

// ---------------------------------------------------------------------------------------------------------------
// Errors

/** Codes of this package's own errors. File calls fail with Node's codes, such as `'ENOENT'`. */
export type DockerErrorCode =
  | 'ERR_INVALID_CONFIG'
  | 'ERR_DOCKER_UNREACHABLE'
  | 'ERR_DOCKER_API'
  | 'ERR_IMAGE_NOT_FOUND'
  | 'ERR_IMAGE_PULL'
  | 'ERR_REGISTRY_AUTH'
  | 'ERR_SANDBOX_NOT_FOUND'
  | 'ERR_SANDBOX_STOPPED'
  | 'ERR_UNSUPPORTED_RUNTIME'
  | 'ERR_PORT_NOT_PUBLISHED'
  | 'ERR_PORT_CLOSED'
  | 'ERR_SESSION_LOST'
  | 'ERR_AGENT_UNAVAILABLE'
  | 'ERR_CANNOT_RUN'
  | 'ERR_SYNTAX'
  | 'ERR_UNSUPPORTED'
  | 'ERR_SNAPSHOT_NOT_FOUND'
  | 'ERR_SNAPSHOT_IN_USE'
  | 'ERR_TEMPLATE_NOT_FOUND'
  | 'ERR_TEMPLATE_IN_USE'
  | 'ERR_TEMPLATE_BUILD'
  | 'ABORT_ERR';

/** Everything that this package throws. The message says what failed, on what, and what to do. */
export class DockerProviderError extends Error {
  constructor(code: string, message: string, options?: ErrorOptions);
  /** Stable, for programs to compare: one of ours, or Node's code of a failed file call. */
  code: DockerErrorCode | (string & {});
  /** HTTP status of the engine's answer; with `ERR_DOCKER_API`. */
  statusCode?: number;
  /** What that status means, as dockerode puts it; from `getInstance()`'s methods. */
  reason?: string;
  /** The engine's answer; from `getInstance()`'s methods. */
  json?: any;
  /** The path of a failed file call. */
  path?: string;
  /** The system call that failed, such as `'open'`. */
  syscall?: string;
}

/** Why a call with `signal` rejects; `name` is `'AbortError'`, `cause` what the signal was aborted with. */
export class AbortError extends DockerProviderError {
  constructor(cause?: unknown);
  code: 'ABORT_ERR';
}

// ---------------------------------------------------------------------------------------------------------------
// Creators and route handlers of ComputeSDK's earlier generations

/** Any ComputeSDK provider. */
export interface ProviderLike {
  readonly name?: string;
  readonly sandbox: {
    create(options?: any): Promise<any>;
    getById(sandboxId: string): Promise<any>;
    list(): Promise<any[]>;
    destroy(sandboxId: string): Promise<void>;
  };
}

type SandboxOf<P extends ProviderLike> = Awaited<ReturnType<P['sandbox']['create']>>;

/** What `createCompute` takes. */
export interface ComputeConfig<P extends ProviderLike = DockerProvider> {
  /** The provider of calls that name none. */
  defaultProvider?: P;
  /** The same; an older name. */
  provider?: P;
}

/** What `createCompute` returns. */
export interface Compute<P extends ProviderLike = DockerProvider> {
  sandbox: {
    /** `create({ runtime })`, or `create({ options: { runtime } })` as in computesdk 1.7. */
    create(
      params?:
        | Parameters<P['sandbox']['create']>[0]
        | { provider?: P; options?: Parameters<P['sandbox']['create']>[0] },
    ): Promise<SandboxOf<P>>;
    getById(sandboxId: string): Promise<SandboxOf<P> | null>;
    getById(provider: ProviderLike, sandboxId: string): Promise<SandboxOf<P> | null>;
    list(provider?: ProviderLike): Promise<Array<SandboxOf<P>>>;
    destroy(sandboxId: string): Promise<void>;
    destroy(provider: ProviderLike, sandboxId: string): Promise<void>;
  };
  getConfig(): ComputeConfig<P> | null;
  setConfig<Q extends ProviderLike>(config: ComputeConfig<Q>): Compute<Q>;
  clearConfig(): void;
}

/**
 * `createCompute` of computesdk 1.7: sandbox calls with a default provider.
 *
 * ```js
 * const compute = createCompute({ defaultProvider: docker({ runtime: 'python' }) });
 * const sandbox = await compute.sandbox.create();
 * ```
 * @throws {DockerProviderError} `ERR_INVALID_CONFIG` without a provider
 */
export function createCompute<P extends ProviderLike>(config: ComputeConfig<P>): Compute<P>;

/** A provider of which only `sandbox.create` is needed. @throws {DockerProviderError} `ERR_INVALID_CONFIG` */
export function createDockerCompute(config?: DockerConfig): {
  sandbox: { create(options?: CreateSandboxOptions): Promise<DockerSandbox> };
};

/** What `handleComputeRequest` can be asked to do. */
export type ComputeAction =
  | 'compute.sandbox.create'
  | 'compute.sandbox.list'
  | 'compute.sandbox.destroy'
  | 'compute.sandbox.getInfo'
  | 'compute.sandbox.runCode'
  | 'compute.sandbox.runCommand'
  | 'compute.sandbox.filesystem.readFile'
  | 'compute.sandbox.filesystem.writeFile'
  | 'compute.sandbox.filesystem.mkdir'
  | 'compute.sandbox.filesystem.readdir'
  | 'compute.sandbox.filesystem.exists'
  | 'compute.sandbox.filesystem.remove';

/** The body of a request: `{ action: 'compute.sandbox.runCode', code: 'print(1)', runtime: 'python' }`. */
export interface ComputeRequest {
  action: ComputeAction | (string & {});
  /** The sandbox it is about. Runs and file actions without one create a sandbox; the answer names it. */
  sandboxId?: string;
  /** For `runCode`. */
  code?: string;
  /** For `runCommand`. */
  command?: string;
  /** For `runCommand`: words after the command. */
  args?: string[];
  /** For `runCode` and `create`. */
  runtime?: Runtime;
  /** For file actions. */
  path?: string;
  /** For `writeFile`. */
  content?: string;
  /** For `runCode` and `runCommand`. A request cannot choose the user. */
  commandOptions?: Pick<RunOptions, 'cwd' | 'env' | 'timeout' | 'background' | 'maxOutputBytes'> & {
    stdin?: string;
  };
  /** For `create`. */
  options?: Omit<CreateSandboxOptions, 'signal'>;
}

/** The answer to a `ComputeRequest`. */
export interface ComputeResponse {
  success: boolean;
  /** What went wrong, without paths of the host. */
  error?: string;
  /** Empty where no sandbox was involved. */
  sandboxId: string;
  provider: string;
  /** Of `runCode` and `runCommand`. */
  result?: {
    stdout: string;
    stderr: string;
    exitCode: number;
    executionTime: number;
    isBackground?: boolean;
    pid?: number;
    timedOut?: boolean;
    truncated?: boolean;
  };
  /** Of `getInfo`; `createdAt` is ISO text. */
  info?: {
    id: string;
    provider: string;
    runtime: Runtime;
    status: string;
    createdAt: string;
    timeout: number;
    metadata?: Record<string, any>;
  };
  /** Of `readFile`. */
  fileContent?: string;
  /** Of `readdir`; `lastModified` is ISO text. */
  files?: Array<{ name: string; path: string; isDirectory: boolean; size: number; lastModified: string }>;
  /** Of `exists`. */
  exists?: boolean;
  /** Of `list`. */
  sandboxes?: Array<{ sandboxId: string; provider: string }>;
}

/**
 * Serves one request of a web client: pass the `Request` of a route handler, or its parsed body.
 *
 * ```js
 * export const POST = (request) => handleComputeRequest(request, provider);
 * ```
 * Answers 200, or 400 for a malformed body, 404 for an unknown sandbox, 405 for another method, 500 for the rest.
 */
export function handleComputeRequest(
  request: Request | ComputeRequest,
  provider: ProviderLike,
): Promise<Response>;
/** The same, answering the plain object. */
export function handleComputeRequest(params: {
  request: Request | ComputeRequest;
  provider: ProviderLike;
}): Promise<ComputeResponse>;
