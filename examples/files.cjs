// Files: text and bytes in and out, listings, and errors with Node's own codes.

const { docker } = require('@computesdk/docker');

/** @param {import('@computesdk/docker').DockerFileSystem} files */
async function work(files) {
  await files.writeFile('notes/hello.txt', 'Grüße\n'); // makes the folder
  console.log((await files.readFile('notes/hello.txt')).trim());

  const bytes = Buffer.from([0, 255, 254, 10]);
  await files.writeFile('notes/data.bin', bytes);
  const back = await files.readFile('notes/data.bin', { encoding: null });
  console.log(`same bytes: ${bytes.equals(back)}`);

  // A path is never shell: this is the name of a file.
  await files.writeFile('notes/$(reboot); it.txt', '');
  for (const { name, type, size } of await files.readdir('notes'))
    console.log(`${type} ${name}, ${size} bytes`);

  await files.remove('notes');
  console.log(`still there: ${await files.exists('notes')}`);
  await files
    .readFile('notes/hello.txt')
    .catch((error) => console.log(`${error.code} from ${error.syscall}`));
}

async function main() {
  const provider = docker({ runtime: 'python', image: { name: 'python:3.11-slim' } });
  const sandbox = await provider.sandbox.create();
  try {
    await work(sandbox.filesystem);
  } finally {
    await sandbox.destroy();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
