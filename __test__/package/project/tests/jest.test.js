const { DockerProviderError, docker } = require('@computesdk/docker');

describe('under Jest', () => {
  let sandbox;

  beforeAll(async () => {
    sandbox = await docker().sandbox.create({ metadata: { since: 1 } });
  });

  afterAll(() => sandbox?.destroy());

  it('gives values of the realm of the test', async () => {
    const running = sandbox.runCommand('echo hello', { signal: new AbortController().signal });
    expect(running).toBeInstanceOf(Promise);
    expect(await running).toMatchObject({ stdout: 'hello\n', exitCode: 0 });
    const info = await sandbox.getInfo();
    expect(info.createdAt).toBeInstanceOf(Date);
    expect(info.metadata).toMatchObject({ since: 1 });
  });

  it('fails with errors of the realm of the test', async () => {
    const failure = await sandbox.filesystem.readFile('/missing').catch((error) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(failure).toBeInstanceOf(DockerProviderError);
    expect(failure).toMatchObject({ code: 'ENOENT', syscall: 'open', path: '/missing' });
    expect(() => docker({ imag: {} })).toThrow(DockerProviderError);
    const aborted = sandbox.runCommand('sleep 60', { signal: AbortSignal.timeout(50) });
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('takes and gives bytes', async () => {
    const bytes = new Uint8Array([0, 255, 10]);
    await sandbox.filesystem.writeFile('/tmp/bytes', bytes);
    const read = await sandbox.filesystem.readFile('/tmp/bytes', { encoding: null });
    expect(Buffer.isBuffer(read)).toBe(true);
    expect([...read]).toEqual([0, 255, 10]);
  });
});
