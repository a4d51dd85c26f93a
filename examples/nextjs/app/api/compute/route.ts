// ComputeSDK's own protocol: `{ action: 'compute.sandbox.runCode', code: 'print(1)', runtime: 'python' }`.
import { handleComputeRequest } from '@computesdk/docker';
import { provider } from '@/lib/sandboxes';

export function POST(request: Request): Promise<Response> {
  return handleComputeRequest(request, provider);
}
