import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeTree, median, print, relocateBin, sizeOf, spread, timeMs, workFolder } from './support.ts';

/** The second snapshot of a tree that did not change: relocate and restic in turns, each with its own repository. */
const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '40000' },
    mib: { type: 'string', default: '2048' },
    rounds: { type: 'string', default: '5' },
    restic: { type: 'string', default: 'restic' },
  },
});

const work = await workFolder();
try {
  const tree = join(work, 'tree');
  const app = join(work, 'app');
  await mkdir(app);
  await makeTree(tree, Number(values.files), Number(values.mib) * 1024 * 1024);
  await writeFile(join(app, 'relocate.yaml'), `app: bench\ndata:\n  tree: { files: ${tree} }\n`);

  const password = 'only for this benchmark';
  const ours = join(work, 'ours');
  const theirs = join(work, 'theirs');
  const relocate = (...args: string[]) =>
    timeMs(relocateBin, ['-r', `file:${ours}`, ...args], { cwd: app, env: { RELOCATE_PASSWORD: password } });
  const restic = (...args: string[]) =>
    timeMs(values.restic, ['-r', theirs, '--cache-dir', join(work, 'cache'), ...args], {
      env: { RESTIC_PASSWORD: password },
    });
  const peers = [
    {
      name: 'relocate',
      repository: ours,
      init: () => relocate('init', '--repository'),
      save: () => relocate('snapshot'),
    },
    {
      name: values.restic,
      repository: theirs,
      init: () => restic('init'),
      save: () => restic('backup', tree),
    },
  ].map((peer) => ({ ...peer, firstMs: 0, times: [] as number[], added: [] as number[] }));

  for (const peer of peers) {
    await peer.init();
    peer.firstMs = await peer.save();
  }
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const peer of peers) {
      const before = await sizeOf(peer.repository);
      peer.times.push(await peer.save());
      peer.added.push((await sizeOf(peer.repository)) - before);
    }
  }

  print(`${values.files} files, ${values.mib} MiB; milliseconds; median of ${values.rounds} runs in turns`);
  print(`${'second snapshot of an unchanged tree'.padEnd(40)} ${'stored'.padStart(10)}   first snapshot`);
  for (const { name, times, added, firstMs } of peers) {
    const middle = `${median(times).toFixed(0)} (${spread(times)})`;
    print(
      `${name.padEnd(16)} ${middle.padEnd(23)} ${`${Math.max(...added)} B`.padStart(10)}   ${firstMs.toFixed(0)}`,
    );
  }
  print(`relocate / restic: ${(median(peers[0]?.times ?? []) / median(peers[1]?.times ?? [])).toFixed(2)}`);
} finally {
  await rm(work, { recursive: true, force: true });
}
