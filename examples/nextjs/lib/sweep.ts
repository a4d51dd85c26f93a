// Destroys sandboxes that nobody has used for a while: the tab was closed, or an earlier server left them.
import { state, touch } from './provider';
import { provider } from './sandboxes';

const IDLE_MS = Number(process.env.SANDBOX_IDLE_SECONDS ?? 600) * 1000;

async function sweep(): Promise<void> {
  const found = await provider.sandbox.list();
  const ids = new Set(found.map((sandbox) => sandbox.sandboxId));
  for (const [id, { active }] of state.uses) {
    if (!ids.has(id) && active === 0) state.uses.delete(id);
  }
  for (const sandbox of found) {
    // One of an earlier process counts as used now, so that its page can find it again.
    const use = state.uses.get(sandbox.sandboxId) ?? touch(sandbox.sandboxId);
    if (use.active > 0 || Date.now() - use.last < IDLE_MS) continue;
    await sandbox.destroy();
    state.uses.delete(sandbox.sandboxId);
  }
}

/** Sweeps from now on. Called again, by a reloaded module, it takes the place of the earlier timer. */
export function startSweeping(): void {
  clearInterval(state.timer);
  const tell = (error: Error) => console.error(`sandboxes could not be swept: ${error.message}`);
  state.timer = setInterval(() => sweep().catch(tell), Math.min(IDLE_MS / 2, 30_000));
  state.timer.unref();
  sweep().catch(tell);
}
