// Data science: put a CSV file and a program into a Python sandbox, run it, read its report back.
// Needs only what the image has: the modules csv and statistics.

import { docker } from '@computesdk/docker';

const CSV = `city,celsius
Oslo,4.5
Rome,17.25
Oslo,6.5
Rome,18.75
`;

const PROGRAM = `
import csv, json, statistics
from collections import defaultdict

by_city = defaultdict(list)
with open("data/weather.csv", newline="") as file:
    for row in csv.DictReader(file):
        by_city[row["city"]].append(float(row["celsius"]))

report = {city: statistics.mean(values) for city, values in by_city.items()}
with open("data/report.json", "w") as file:
    json.dump(report, file)
print("cities:", len(report))
`;

const provider = docker({ runtime: 'python', image: { name: 'python:3.11-slim' } });
const sandbox = await provider.sandbox.create();
try {
  await sandbox.filesystem.writeFile('data/weather.csv', CSV);
  await sandbox.filesystem.writeFile('app.py', PROGRAM);
  const run = await sandbox.runCommand('python3', ['app.py']);
  if (run.exitCode !== 0) throw new Error(run.stderr);
  console.log(run.stdout.trim());

  const report = JSON.parse(await sandbox.filesystem.readFile('data/report.json'));
  for (const [city, mean] of Object.entries(report)) console.log(`${city}: ${mean}`);
} finally {
  await sandbox.destroy();
}
