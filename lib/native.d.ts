// What the addon exports (src/). Every call that can fail for a reason of ours answers either its value or a
// `Failure`: lib/call.js turns the latter into an error with the caller's stack.

export interface Failure {
  code: string;
  message: string;
  /** The messages of what caused it, outermost first. */
  causes: string[];
  statusCode?: number;
  reason?: string;
  /** Docker's answer, as JSON text. */
  json?: string;
  path?: string;
  syscall?: string;
}

export type Outcome<T> = { value: T; failure?: undefined } | { value?: undefined; failure: Failure };

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  timeout?: number;
  background?: boolean;
  user?: string;
  stdin?: string | Uint8Array;
  maxOutputBytes?: number;
}

export interface RunResult {
  /** Missing where the pieces given to the listener make up the whole text. */
  stdout?: string;
  stderr?: string;
  output?: string;
  exitCode: number;
  durationMs: number;
  timedOut: boolean;
  truncated: boolean;
  stdoutBytes: number;
  stderrBytes: number;
  pid?: number;
  runtime?: string;
  /** What the last expression came to; in a context only. */
  value?: { text: string; html?: string; png?: string };
}

export interface Piece {
  stderr: boolean;
  text: string;
  /** False from the piece on with which the stream passes `maxOutputBytes`. */
  kept: boolean;
}

export interface PullProgress {
  status: string;
  id?: string;
  current?: number;
  total?: number;
}

export interface Entry {
  name: string;
  /** Below the folder that was listed with all that is in it. */
  path?: string;
  isDirectory: boolean;
  size: number;
  modifiedMs: number;
}

export interface FileStat {
  kind: 'file' | 'directory' | 'link' | 'other';
  size: number;
  mode: number;
  uid: number;
  gid: number;
  modifiedMs: number;
  accessedMs: number;
  changedMs: number;
  /** What a link holds. */
  target?: string;
}

export interface Transferred {
  done: boolean;
  bytes: number;
  /** Known once everything has been listed. */
  totalBytes?: number;
  files: number;
  /** What was left out; with `done`. */
  skipped: string[];
}

export interface WatchEvent {
  type: 'create' | 'write' | 'remove' | 'rename' | 'chmod' | 'overflow';
  /** Below what is watched; empty: it itself. */
  path: string;
}

export interface Info {
  id: string;
  runtime?: string;
  status: string;
  createdMs: number;
  timeoutMs: number;
  expiresMs?: number;
  /** JSON text. */
  metadata: string;
}

export interface Metrics {
  cpuPercent: number;
  cpuMs: number;
  cpuLimit: number;
  memoryUsed: number;
  memoryLimit: number;
  received: number;
  sent: number;
  pids: number;
  pidsLimit?: number;
}

export interface Facts {
  id: string;
  image: string;
  runtime?: string;
  createdMs: number;
}

/** What a run call asks for, apart from its text. */
export interface RunExtras {
  options: RunOptions;
  cancel?: Cancel;
  listener?: (pieces: Piece[]) => void;
}

/** A snapshot or a template. */
export interface Saved {
  id: string;
  name?: string;
  description?: string;
  createdMs: number;
  size: number;
  runtime?: string;
  sandboxId?: string;
  /** JSON text. */
  metadata: string;
}

export interface Engine {
  name: string;
  version: string;
  apiVersion: string;
  /** Its address, and what named it. */
  found: string;
}

export interface DockerRequest {
  /** Such as `container.stop`. */
  operation: string;
  /** The container's id, or the image's name. */
  target?: string;
  /** JSON text. */
  options: string;
  body?: Uint8Array;
}

export declare class Cancel {
  constructor();
  cancel(): void;
}

export declare class NativeStream {
  /** The next bytes; null at the end. */
  next(): Promise<Outcome<Buffer | null>>;
  close(): void;
}

/** What the start of a live process asks for, apart from its command. */
export interface LiveExtras {
  options: RunOptions;
  cancel?: Cancel;
}

export interface ProcessEnd {
  exitCode: number;
  durationMs: number;
  timedOut: boolean;
}

export interface ProcessInfo {
  pid: number;
  parentPid: number;
  state: 'running' | 'sleeping' | 'waiting' | 'stopped' | 'zombie' | 'idle';
  command: string;
  startedMs: number;
  cpuMs: number;
  memory: number;
  isBackground: boolean;
}

export declare class NativeProcess {
  pid(): number;
  /** The next bytes; null at the end. */
  read(stream: 'stdout' | 'stderr'): Promise<Outcome<Buffer | null>>;
  discard(stream: 'stdout' | 'stderr'): void;
  write(content: string | Uint8Array): Promise<Outcome<void>>;
  endInput(): void;
  signal(signal: string | number): Outcome<boolean>;
  resize(cols: number, rows: number): void;
  /** For the first who asks. */
  wait(): Promise<Outcome<ProcessEnd>>;
  close(): void;
}

export declare class NativeReader {
  /** The next bytes; null at the end. */
  next(): Promise<Outcome<Buffer | null>>;
  close(): void;
}

export declare class NativeWriter {
  open(): Promise<Outcome<void>>;
  /** Settles when there is room for more. */
  write(content: Uint8Array): Promise<Outcome<void>>;
  /** Settles when everything is in the file. */
  finish(): Promise<Outcome<void>>;
  close(): void;
}

export declare class NativeTransfer {
  /** Goes on with it, until there is something to tell. */
  next(cancel?: Cancel): Promise<Outcome<Transferred>>;
  close(): void;
}

export declare class NativeWatch {
  /** What has happened since; null once it is closed. */
  next(): Promise<Outcome<WatchEvent[] | null>>;
  isClosed(): boolean;
  close(): void;
}

export declare class NativeContext {
  runtime(): string;
  run(code: string, extras: RunExtras): Promise<Outcome<RunResult>>;
  restart(): Promise<Outcome<void>>;
  remove(): Promise<Outcome<void>>;
}

export declare class NativeSandbox {
  facts(): Facts;
  spawn(command: string, args: string[] | undefined, extras: LiveExtras): Promise<Outcome<NativeProcess>>;
  createContext(runtime: string | undefined, extras: LiveExtras): Promise<Outcome<NativeContext>>;
  openTerminal(
    wanted: { cols: number; rows: number; shell?: string },
    extras: LiveExtras,
  ): Promise<Outcome<NativeProcess>>;
  connect(pid: number): Promise<Outcome<NativeProcess>>;
  listProcesses(): Promise<Outcome<ProcessInfo[]>>;
  killProcess(pid: number, signal: string | number): Promise<Outcome<void>>;
  waitProcess(pid: number): Promise<Outcome<ProcessEnd>>;
  readLog(pid: number): Promise<Outcome<{ stdout: string; stderr: string }>>;
  waitForPort(port: number, timeout?: number, cancel?: Cancel): Promise<Outcome<void>>;
  runCommand(command: string, args: string[], extras: RunExtras): Promise<Outcome<RunResult>>;
  runCode(code: string, runtime: string | undefined, extras: RunExtras): Promise<Outcome<RunResult>>;
  readText(path: string): Promise<Outcome<string>>;
  readBytes(path: string): Promise<Outcome<Buffer>>;
  writeFile(path: string, content: string | Uint8Array): Promise<Outcome<void>>;
  mkdir(path: string): Promise<Outcome<void>>;
  readdir(path: string): Promise<Outcome<Entry[]>>;
  exists(path: string): Promise<Outcome<boolean>>;
  remove(path: string): Promise<Outcome<void>>;
  readTree(path: string): Promise<Outcome<Entry[]>>;
  stat(path: string, followLinks: boolean): Promise<Outcome<FileStat>>;
  chmod(path: string, mode: number): Promise<Outcome<void>>;
  rename(from: string, to: string): Promise<Outcome<void>>;
  copy(from: string, to: string): Promise<Outcome<void>>;
  readStream(path: string, from: number, length?: number): NativeReader;
  writeStream(path: string, append: boolean, mode?: number): NativeWriter;
  upload(hostPath: string, path: string): NativeTransfer;
  download(path: string, hostPath: string): NativeTransfer;
  watch(path: string, recursive: boolean, cancel?: Cancel): Promise<Outcome<NativeWatch>>;
  info(): Promise<Outcome<Info>>;
  metrics(): Promise<Outcome<Metrics>>;
  extendLifetime(ms: number): Promise<Outcome<number>>;
  pause(): Promise<Outcome<void>>;
  resume(): Promise<Outcome<void>>;
  url(port: number, protocol?: string): Promise<Outcome<string>>;
  destroy(): Promise<Outcome<void>>;
}

export interface PoolStats {
  waiting: number;
  starting: number;
  handedOut: number;
  hits: number;
  misses: number;
}

export interface Pruned {
  sandboxes: string[];
  poolMembers: string[];
  helpers: string[];
  volumes: string[];
}

export declare class NativeProvider {
  /** `options` is JSON text. */
  poolStats(): PoolStats | null;
  drainPool(): Promise<Outcome<void>>;
  closePool(): Promise<Outcome<void>>;
  prune(options: string): Promise<Outcome<Pruned>>;
  /** `options` is JSON text. */
  create(
    options: string,
    cancel?: Cancel,
    pullListener?: (lines: PullProgress[]) => void,
  ): Promise<Outcome<NativeSandbox>>;
  /** What the engine says of itself, and where it was found. */
  engine(): Promise<Outcome<Engine>>;
  getById(id: string): Promise<Outcome<NativeSandbox | null>>;
  list(): Promise<Outcome<NativeSandbox[]>>;
  destroy(id: string): Promise<Outcome<void>>;
  /** `options` is JSON text, here and below. */
  createSnapshot(sandboxId: string, options: string): Promise<Outcome<Saved>>;
  createTemplate(
    options: string,
    cancel?: Cancel,
    listener?: (pieces: Piece[]) => void,
  ): Promise<Outcome<Saved>>;
  listSaved(kind: 'snapshot' | 'template', options: string): Promise<Outcome<Saved[]>>;
  deleteSaved(kind: 'snapshot' | 'template', id: string): Promise<Outcome<void>>;
  request(request: DockerRequest, cancel?: Cancel): Promise<Outcome<Buffer>>;
  stream(request: DockerRequest, cancel?: Cancel): Promise<Outcome<NativeStream>>;
}

/** `config` is JSON text. */
export declare function openProvider(config: string): Outcome<NativeProvider>;
