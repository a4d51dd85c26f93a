// The languages of the page.
import type { Runtime } from './events';

interface Language {
  name: string;
  /** One step of indentation. */
  indent: string;
  /** What the editor shows at first. */
  sample: string;
}

const PYTHON = `import time

for step in range(1, 6):
    print(f"step {step} of 5")
    time.sleep(0.4)

with open("squares.txt", "w") as file:
    for number in range(1, 11):
        file.write(f"{number} squared is {number ** 2}\\n")

print("wrote squares.txt")
`;

const NODE = `const { writeFile } = require('node:fs/promises');
const { setTimeout: sleep } = require('node:timers/promises');

async function main() {
  for (let step = 1; step <= 5; step += 1) {
    console.log(\`step \${step} of 5\`);
    await sleep(400);
  }
  const versions = JSON.stringify(process.versions, null, 2);
  await writeFile('versions.json', versions);
  console.log('wrote versions.json');
}

main();
`;

export const LANGUAGES: Record<Runtime, Language> = {
  python: { name: 'Python', indent: '    ', sample: PYTHON },
  node: { name: 'Node.js', indent: '  ', sample: NODE },
};

export const RUNTIMES: Runtime[] = ['python', 'node'];
