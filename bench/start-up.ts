import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freshSurroundings, measure } from './measure.ts';
import { findPeers } from './peers.ts';
import { median, spread } from './statistics.ts';
import { memoryFolder, print } from './support.ts';

/** How long the program takes to say something, against a Node that does nothing. In turns, so that both meet the same machine. */
const rounds = 20;

const { relocate } = findPeers([]);
const commands = [
  { name: 'node -e 0', program: process.execPath, args: ['-e', '0'] },
  { name: 'relocate --version', program: relocate, args: ['--version'] },
  { name: 'relocate --help', program: relocate, args: ['--help'] },
].map((command) => ({ ...command, times: [] as number[] }));

const work = await mkdtemp(join(memoryFolder, 'relocate-bench-'));
try {
  const own = await freshSurroundings(join(work, 'peer'));
  // The first run of each fills caches, and is not counted.
  for (let round = -1; round < rounds; round += 1) {
    for (const command of commands) {
      const { wallMs } = await measure(command, own);
      if (round >= 0) command.times.push(wallMs);
    }
  }
} finally {
  await rm(work, { recursive: true, force: true });
}

const base = median(commands[0]?.times ?? []);
print(`median of ${rounds}, milliseconds`);
for (const { name, times } of commands) {
  print(
    `${name.padEnd(20)} ${median(times).toFixed(0).padStart(5)}   (${spread(times)})   ${(median(times) / base).toFixed(2)} ×`,
  );
}
