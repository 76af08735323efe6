import { mkdtempSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { resticBinaries } from '../filesystem/support/restic.ts';
import { makeTemplate, runWithFaults, type Source, type Template } from '../support/fault-run.ts';
import { filesIn } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';
import { resticRunner } from '../support/restic.ts';

const runs = Number(process.env['RELOCATE_TEST_FAULT_RUNS'] ?? 60);
const firstSeed = Number(process.env['RELOCATE_TEST_FAULT_SEED'] ?? 1);
/** Of how many runs restic judges one; our own check judges all. */
const resticEvery = Number(process.env['RELOCATE_TEST_FAULT_RESTIC_EVERY'] ?? 10);
/** Most of a run is waiting: for held back answers, and for locks to settle. */
const atOnce = 8;

describe(`${runs} runs over storages that fail, hold back, cut off, repeat and reorder, from seed ${firstSeed}`, () => {
  const work = mkdtempSync(join(tmpdir(), 'relocate-seeded-'));
  const sources: Source[] = [];
  let templates: readonly [Template, Template];

  beforeAll(async () => {
    const first = await makeTemplate(join(work, 'template-first'));
    templates = [first, await makeTemplate(join(work, 'template-second'), first)];
    const random = seeded(1);
    // Little, so that most runs go without threads, whose start takes longer than a run; and once enough for them.
    for (const [name, largeBytes] of Object.entries({ one: 400_000, two: 600_000, three: 1_300_000 })) {
      const folder = join(work, name);
      await mkdir(join(folder, 'few', 'none'), { recursive: true });
      await writeFile(join(folder, 'same'), seeded(2).bytes(200_000));
      await writeFile(join(folder, 'large'), random.bytes(largeBytes));
      await writeFile(join(folder, 'text'), `${name} `.repeat(50_000));
      await writeFile(join(folder, 'empty'), '');
      for (let at = 0; at < 8; at += 1)
        await writeFile(join(folder, 'few', `${at}`), random.bytes(random.int(4_000)));
      const content = new Map(
        [...(await filesIn(folder))].map(([path, bytes]) => [`data/files/${path}`, bytes]),
      );
      sources.push({ folder, content });
    }
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  test(
    'never a wrong byte, never a snapshot reported that cannot be restored, never a hang, and sound afterwards',
    async () => {
      const ended = new Map<string, number>();
      const happened = new Map<string, number>();
      const wrongs: string[] = [];
      const count = (map: Map<string, number>, name: string, by = 1) =>
        map.set(name, (map.get(name) ?? 0) + by);
      const seeds = Array.from({ length: runs }, (_, at) => firstSeed + at).values();
      const runSome = async () => {
        for (const seed of seeds) {
          const folder = join(work, `run-${seed}`);
          const outcome = await runWithFaults(seed, folder, { templates, sources });
          for (const wrong of outcome.wrongs) wrongs.push(`seed ${seed}: ${wrong}`);
          for (const step of outcome.steps) count(ended, step);
          for (const [what, times] of outcome.happened) count(happened, what, times);
          if (seed % resticEvery === 0) {
            for (const repository of outcome.repositories) {
              const { exitCode, stdout, stderr } = resticRunner(
                resticBinaries[0] ?? 'restic',
                repository,
              ).attempt(['check', '--read-data']);
              if (exitCode !== 0 || !stdout.includes('no errors were found'))
                wrongs.push(`seed ${seed}: restic says ${stdout}${stderr}`);
              count(ended, 'judged by restic');
            }
          }
          await rm(folder, { recursive: true, force: true });
        }
      };
      await Promise.all(Array.from({ length: atOnce }, runSome));
      if (process.env['RELOCATE_TEST_FAULT_RUNS'] !== undefined)
        process.stderr.write(
          `${JSON.stringify(Object.fromEntries(ended))}\n${JSON.stringify(Object.fromEntries(happened))}\n`,
        );
      expect(wrongs).toEqual([]);
      // Both ways out were taken, and everything that can go wrong did.
      expect(ended.get('snapshot: done') ?? 0).toBeGreaterThan(runs / 4);
      expect(ended.get('copy: done') ?? 0).toBeGreaterThan(runs / 20);
      expect(ended.get('house: done') ?? 0).toBeGreaterThan(runs / 20);
      expect(ended.get('restore: done') ?? 0).toBeGreaterThan(runs / 10);
      expect(ended.get('snapshot: storage-failed') ?? 0).toBeGreaterThan(runs / 20);
      for (const what of ['fail', 'failAfter', 'damage', 'repeat', 'full', 'stale'])
        expect({ what, times: happened.get(what) ?? 0 }).not.toEqual({ what, times: 0 });
    },
    60_000 + runs * 5_000,
  );
});
