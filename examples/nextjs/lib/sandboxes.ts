// The sandboxes of this app, as a ComputeSDK provider: what the engine has beside them does not exist here, whatever
// id a request names, and a request chooses no image, name or port.
import { type CreateSandboxOptions, DockerProviderError, type DockerSandbox } from '@computesdk/docker';
import { state, touch } from './provider';

/** Marks our sandboxes in Docker, so that the next process knows them too. */
export const APP = 'computesdk-nextjs-example';
const MOST = Number(process.env.SANDBOX_MOST ?? 20);
const ACCEPTED = new Set(['runtime', 'timeout', 'signal', 'metadata']);

async function create(options: CreateSandboxOptions = {}): Promise<DockerSandbox> {
  const refused = Object.keys(options).find((key) => !ACCEPTED.has(key));
  if (refused) {
    throw new DockerProviderError('ERR_INVALID_CONFIG', `options.${refused}: not accepted by this server`);
  }
  if (state.uses.size + state.starting >= MOST) {
    throw new DockerProviderError('ERR_UNSUPPORTED', 'too many sandboxes are in use; try again later');
  }
  state.starting += 1;
  try {
    const sandbox = await state.provider.sandbox.create({
      ...options,
      metadata: { ...options.metadata, app: APP },
    });
    touch(sandbox.sandboxId);
    return sandbox;
  } finally {
    state.starting -= 1;
  }
}

/** Whether a sandbox is of this app, in whatever state. */
async function isOurs(sandbox: DockerSandbox): Promise<boolean> {
  return (await sandbox.getInfo()).metadata.app === APP;
}

/** Docker takes the first characters of an id for it as well; a request has to know all 64. */
async function getById(sandboxId: string): Promise<DockerSandbox | null> {
  if (!/^[0-9a-f]{64}$/.test(sandboxId)) return null;
  const sandbox = await state.provider.sandbox.getById(sandboxId);
  if (!sandbox) return null;
  const { metadata, status } = await sandbox.getInfo();
  if (metadata.app !== APP || status !== 'running') return null;
  touch(sandboxId);
  return sandbox;
}

async function list(): Promise<DockerSandbox[]> {
  const all = await state.provider.sandbox.list();
  const ours = await Promise.all(all.map((sandbox) => isOurs(sandbox).catch(() => false)));
  return all.filter((_, index) => ours[index]);
}

async function destroy(sandboxId: string): Promise<void> {
  const sandbox = await getById(sandboxId);
  await sandbox?.destroy();
  state.uses.delete(sandboxId);
}

export const provider = { name: 'docker', sandbox: { create, getById, list, destroy } };

/** A sandbox that has to be there. */
export async function findSandbox(sandboxId: string): Promise<DockerSandbox> {
  const sandbox = await getById(sandboxId);
  if (sandbox) return sandbox;
  throw new DockerProviderError('ERR_SANDBOX_NOT_FOUND', 'the sandbox has ended');
}
