// The words of the benchmark.

/** One way to drive Docker. */
export interface Contender {
  name: string;
  /** Makes a running sandbox of the Python image. */
  create(): Promise<Box>;
}

/** One running sandbox, by whichever way. */
export interface Box {
  id: string;
  /** Ours, for what no other contender has. */
  sandbox?: import('..').DockerSandbox;
  /** Shell text; gives its stdout. An exit code other than 0 is an error. */
  run(command: string): Promise<string>;
  /** Python code; gives its stdout. */
  code(source: string): Promise<string>;
  write(path: string, content: Buffer): Promise<void>;
  read(path: string): Promise<Buffer>;
  /** As `write` and `read`, by the way that suits large files. */
  writeLarge(path: string, content: Buffer): Promise<void>;
  readLarge(path: string): Promise<Buffer>;
  /** A file of this machine there, and the way back, where a contender has that. */
  upload?(from: string, to: string): Promise<unknown>;
  download?(from: string, to: string): Promise<unknown>;
  /** How many entries a folder has, with their types, sizes and times read. */
  list(path: string): Promise<number>;
  exists(path: string): Promise<boolean>;
  /** Runs a command for its output alone; gives how many bytes came. Only ours can be stopped. */
  flow(command: string, signal?: AbortSignal): Promise<number>;
  destroy(): Promise<void>;
}

/** Milliseconds (or another unit) by contender. */
export interface Row {
  measure: string;
  unit: string;
  samples: Record<string, number[]>;
}

export interface Target {
  target: string;
  value: number;
  limit: number;
  met: boolean;
}

export interface Outcome {
  rows: Row[];
  targets: Target[];
}

export interface Context {
  contenders: Contender[];
  /** A sandbox for each contender, shared by the parts. */
  boxes: Record<string, Box>;
  host: string;
}

export type Part = (context: Context) => Promise<Outcome>;
