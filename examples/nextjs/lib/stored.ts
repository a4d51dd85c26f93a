// What a tab remembers over a reload: the ids of its sandboxes and the code in the editor, by language.
import type { Runtime } from './events';

type Kind = 'sandbox' | 'code';

export function remember(kind: Kind, runtime: Runtime, value: string | null): void {
  if (value === null) sessionStorage.removeItem(`${kind}.${runtime}`);
  else sessionStorage.setItem(`${kind}.${runtime}`, value);
}

export function recall(kind: Kind, runtime: Runtime): string | undefined {
  return sessionStorage.getItem(`${kind}.${runtime}`) ?? undefined;
}

export function rememberRuntime(runtime: Runtime): void {
  sessionStorage.setItem('runtime', runtime);
}

export function recallRuntime(): Runtime {
  return sessionStorage.getItem('runtime') === 'node' ? 'node' : 'python';
}
