// Next.js calls this once when the server starts: sandboxes that an earlier process left are then looked after too.
export async function register() {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return;
  const { startSweeping } = await import('./lib/sweep');
  startSweeping();
}
