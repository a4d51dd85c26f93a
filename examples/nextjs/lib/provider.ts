// The one provider of this server process, and when each sandbox was last used. Both live on globalThis: the dev server
// loads modules again after an edit, and a build gives each route a copy of its own.
import { type DockerProvider, docker } from '@computesdk/docker';

/** What a sandbox may do. Restart the dev server after a change here. */
function openProvider(): DockerProvider {
  return docker({
    timeout: 60_000,
    container: {
      // Code that strangers typed: no network, no rights, and limits to memory, CPU and processes.
      networkMode: 'none',
      capabilities: { drop: ['ALL'] },
      resources: { memory: 256 * 1024 * 1024, nanoCPUs: 1e9, pidsLimit: 128 },
    },
    createOptions: { HostConfig: { SecurityOpt: ['no-new-privileges'] } },
  });
}

interface Use {
  /** Runs that have not ended. */
  active: number;
  /** When it was last used, in ms since 1970. */
  last: number;
}

interface State {
  provider: DockerProvider;
  uses: Map<string, Use>;
  /** Sandboxes that are being started. */
  starting: number;
  timer?: NodeJS.Timeout;
}

const holder = globalThis as typeof globalThis & { computesdkExample?: State };
holder.computesdkExample ??= { provider: openProvider(), uses: new Map(), starting: 0 };

export const state: State = holder.computesdkExample;

/** Notes that a sandbox is used now. */
export function touch(sandboxId: string): Use {
  const use = state.uses.get(sandboxId) ?? { active: 0, last: 0 };
  use.last = Date.now();
  state.uses.set(sandboxId, use);
  return use;
}

/** Keeps a sandbox from being taken for idle until the function that this returns is called. */
export function hold(sandboxId: string): () => void {
  const use = touch(sandboxId);
  use.active += 1;
  return () => {
    use.active -= 1;
    use.last = Date.now();
  };
}
