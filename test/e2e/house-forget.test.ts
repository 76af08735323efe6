import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { applyPolicy, type KeepPolicy } from '../../src/repository/forget-policy.ts';
import { createRepository } from '../../src/repository/index.ts';
import type { StoredSnapshot } from '../../src/repository/types.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { isOld, resticBinaries } from '../filesystem/support/restic.ts';
import { seeded } from '../support/random.ts';

const policies = Number(process.env['RELOCATE_TEST_POLICIES'] ?? 15);
const seed = Number(process.env['RELOCATE_TEST_SEED'] ?? 20210110);
const usable = resticBinaries.length > 0;

(usable ? describe : describe.skip).each(resticBinaries)('what a policy keeps, judged by %s', (binary) => {
  const folder = mkdtempSync(join(tmpdir(), 'relocate-policy-'));
  const random = seeded(seed);
  let snapshots: StoredSnapshot[];

  beforeAll(async () => {
    const repository = await createRepository(new LocalStorage(folder), 'pw');
    const tree = await repository.saveTree(Buffer.from('{"nodes":[]}\n'));
    await repository.flush();
    for (const app of ['one', 'two', 'three']) {
      for (const time of times(app === 'three' ? 1 : 60)) {
        const tags = ['relocate', `app=${app}`];
        await repository.saveSnapshot({ time, tree, paths: ['/'], hostname: 'here', tags });
      }
    }
    snapshots = await repository.snapshots();
    await repository.close();
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Crowds within an hour and long gaps, around turns of years and months, in several time zones, none twice. */
  function times(count: number): string[] {
    const found = new Set<string>();
    const starts = [
      '2019-12-30T22:30:00Z',
      '2024-02-28T20:00:00Z',
      '2025-12-28T10:00:00Z',
      '2026-03-30T23:10:00Z',
    ];
    const spreadsMs = [3_600_000, 86_400_000 * 3, 86_400_000 * 40, 86_400_000 * 500];
    while (found.size < count) {
      const start = Date.parse(starts[random.int(starts.length)] ?? '');
      const at = new Date(
        Math.min(start + random.next() * (spreadsMs[random.int(4)] ?? 0), Date.now() - 1000),
      );
      const offset = ['Z', '+02:00', '-05:30', '+13:00'][random.int(4)] ?? 'Z';
      const fraction = String(random.int(1_000_000_000)).padStart(9, '0').replace(/0+$/, '');
      found.add(`${at.toISOString().slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}${offset}`);
    }
    return [...found];
  }

  function randomPolicy(): { policy: KeepPolicy; args: string[] } {
    const policy: KeepPolicy = {};
    const args: string[] = [];
    for (const rule of ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const) {
      if (random.int(3) > 0) continue;
      const count = random.int(12) === 0 ? Infinity : random.int(9);
      policy[rule] = count;
      args.push(`--keep-${rule}`, count < Infinity ? String(count) : isOld(binary) ? '9999' : 'unlimited');
    }
    if (random.int(4) === 0 || args.length === 0) {
      const within = {
        years: random.int(3),
        months: random.int(14),
        days: random.int(40),
        hours: 1 + random.int(30),
      };
      policy.within = within;
      args.push('--keep-within', `${within.years}y${within.months}m${within.days}d${within.hours}h`);
    }
    if (random.int(5) === 0) {
      policy.tags = [['relocate', 'app=two']];
      args.push('--keep-tag', 'relocate,app=two');
    }
    return { policy, args };
  }

  function keptByRestic(args: string[], TZ: string): string[] {
    const run = spawnSync(
      binary,
      ['-r', folder, '--no-cache', 'forget', '--dry-run', '--json', '--group-by', 'tags', ...args],
      { encoding: 'utf8', maxBuffer: 1 << 26, env: { ...process.env, RESTIC_PASSWORD: 'pw', TZ } },
    );
    expect(run).toMatchObject({ status: 0 });
    const groups = JSON.parse(run.stdout) as { keep: { id: string }[] | null }[];
    return groups.flatMap(({ keep }) => keep ?? []).map(({ id }) => id);
  }

  test(`is what restic keeps, for ${policies} random policies (seed ${seed})`, () => {
    const apps = ['one', 'two', 'three'].map((app) =>
      snapshots.filter(({ tags }) => tags?.includes(`app=${app}`)),
    );
    for (let at = 0; at < policies; at += 1) {
      const { policy, args } = randomPolicy();
      // A policy of zeros alone is none for restic, and is refused by ours.
      if (args.every((arg) => /^(--keep-\w+|0)$/.test(arg))) continue;
      const ours = apps.flatMap((own) => applyPolicy(own, policy, Date.now()).keep);
      const theirs = keptByRestic(args, at % 2 === 0 ? 'UTC' : 'Asia/Tokyo');
      // Older ones do not keep the oldest of all while a rule has some left to give.
      const oldest = isOld(binary) ? apps.map(([first]) => first?.id) : [];
      const kept = ours
        .map(({ snapshot }) => snapshot.id)
        .filter((id) => !oldest.includes(id) || theirs.includes(id));
      const told = (ids: string[]) =>
        snapshots.filter(({ id }) => ids.includes(id)).map(({ time, tags }) => `${time} ${tags?.[1]}`);
      expect({
        args,
        tooMany: told(kept.filter((id) => !theirs.includes(id))),
        tooFew: told(theirs.filter((id) => !kept.includes(id))),
      }).toEqual({ args, tooMany: [], tooFew: [] });
    }
  }, 600_000);
});
