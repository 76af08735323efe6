import { median, print, relocateBin, spread, timeMs } from './support.ts';

/** How long the program takes to say something, against a Node that does nothing. In turns, so that both meet the same machine. */
const rounds = 20;

const commands = [
  { name: 'node -e 0', command: process.execPath, args: ['-e', '0'] },
  { name: 'relocate --version', command: relocateBin, args: ['--version'] },
  { name: 'relocate --help', command: relocateBin, args: ['--help'] },
];
const times = commands.map((): number[] => []);

// The first run of each fills caches, and is not counted.
for (let round = -1; round < rounds; round += 1) {
  for (const [index, { command, args }] of commands.entries()) {
    const durationMs = await timeMs(command, args);
    if (round >= 0) times[index]?.push(durationMs);
  }
}

const base = median(times[0] ?? []);
print(`median of ${rounds}, milliseconds`);
for (const [index, { name }] of commands.entries()) {
  const all = times[index] ?? [];
  print(
    `${name.padEnd(20)} ${median(all).toFixed(0).padStart(5)}   (${spread(all)})   ${(median(all) / base).toFixed(2)} ×`,
  );
}
