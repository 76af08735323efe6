import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CopyResult } from '../../src/repository/types.ts';
import { relocate, resultOf, startRelocate, testPassword } from '../support/cli.ts';
import { seeded } from '../support/random.ts';

const run = promisify(execFile);
const kills = Number(process.env['RELOCATE_TEST_KILLS'] ?? 30);
const seed = Number(process.env['RELOCATE_TEST_SEED'] ?? 20210110);

async function restic(repository: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await run('restic', ['-r', repository, '--no-cache', ...args], {
    env: { ...process.env, RESTIC_PASSWORD: testPassword },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout + stderr;
}

describe(`${kills} snapshots, copies and prunes killed with SIGKILL at random moments (seed ${seed})`, () => {
  let folder: string;
  let cwd: string;
  let repository: string;
  let second: string;
  const random = seeded(seed);
  /** The content that each snapshot must give back: those reported, and not told to go since. */
  const inFirst = new Map<string, string>();
  const inSecond = new Map<string, string>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relocate-killed-'));
    cwd = join(folder, 'app');
    repository = join(folder, 'repository');
    second = join(folder, 'second');
    await mkdir(join(cwd, 'files', 'small'), { recursive: true });
    await writeFile(
      join(cwd, 'relocate.yaml'),
      `app: killed\ndata:\n  files: { files: ./files }\nrepositories: [ "file:${repository}" ]\n`,
    );
    for (const where of [repository, second])
      expect(await relocate(['-r', where, 'init', '--repository'], { cwd })).toMatchObject({ exitCode: 0 });
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** New content each time: some megabytes in one file, and a crowd of small ones. */
  async function change(marker: string): Promise<void> {
    const files = join(cwd, 'files');
    await writeFile(join(files, 'marker'), marker);
    await writeFile(join(files, `large-${random.int(3)}`), random.bytes(6 * 1024 * 1024));
    for (let at = 0; at < 60; at += 1) {
      await writeFile(join(files, 'small', String(random.int(200))), random.bytes(random.int(20_000)));
    }
  }

  interface Command {
    prepare: (marker: string) => Promise<string[]>;
    /** What it reported, if it came to that. */
    reported: (result: string, marker: string) => void;
    wholeMs: number;
  }

  const commands: Record<'snapshot' | 'copy' | 'prune', Command> = {
    snapshot: {
      async prepare(marker) {
        await change(marker);
        return ['snapshot', '--json'];
      },
      reported(result, marker) {
        inFirst.set((JSON.parse(result) as { snapshot: string }).snapshot, marker);
      },
      wholeMs: 0,
    },
    copy: {
      prepare: async () => ['-r', second, 'copy', '--from-repo', repository, '--json'],
      reported(result) {
        const { copied, failed } = JSON.parse(result) as CopyResult;
        expect(failed).toEqual([]);
        for (const { from, to } of copied) inSecond.set(to, inFirst.get(from) ?? 'unreported');
      },
      wholeMs: 0,
    },
    prune: {
      async prepare() {
        const [oldest] = inFirst.keys();
        if (oldest === undefined || inFirst.size < 3) return ['prune', '--max-unused', '0', '--json'];
        // Whether it is killed before or after: nobody relies on it any more.
        inFirst.delete(oldest);
        return ['forget', oldest, '--prune', '--max-unused', '0', '--json'];
      },
      reported: () => {},
      wholeMs: 0,
    },
  };

  async function runWhole({ prepare, reported }: Command, marker: string): Promise<number> {
    const args = await prepare(marker);
    const startedAt = Date.now();
    const result = await relocate(args, { cwd });
    expect(result).toMatchObject({ exitCode: 0 });
    reported(JSON.stringify(resultOf(result)), marker);
    return Date.now() - startedAt;
  }

  /** The program dies; its locks stay, and count for nothing, because its process is gone. */
  async function runKilled(command: Command, marker: string): Promise<boolean> {
    const { prepare, reported } = command;
    const args = await prepare(marker);
    const startedAt = Date.now();
    const { child, ended } = startRelocate(args, { cwd });
    const timer = setTimeout(() => child.kill('SIGKILL'), random.next() * command.wholeMs);
    const result = await ended;
    clearTimeout(timer);
    const done = result.stdout.split('\n').find((line) => line.includes('"type":"result"'));
    if (done !== undefined) reported(done, marker);
    // Whatever is not killed must have gone well: a snapshot that another run's kill damaged would be met here.
    if (result.signal !== 'SIGKILL') {
      expect(result).toMatchObject({ exitCode: 0 });
      // The machine may have been busy when it was measured.
      command.wholeMs = Math.min(command.wholeMs, Date.now() - startedAt);
    }
    return result.signal === 'SIGKILL';
  }

  async function expectWhole(where: string, expected: Map<string, string>): Promise<void> {
    expect(await restic(where, 'check', '--read-data')).toContain('no errors were found');
    for (const [id, marker] of expected) {
      const target = join(folder, 'restored', id);
      const restored = await relocate(['-r', where, 'restore', id, '--target', target], { cwd });
      expect(restored).toMatchObject({ exitCode: 0 });
      const got = await readFile(join(target, 'data/files/marker'), 'utf8');
      expect(got).toBe(marker === 'unreported' ? got : marker);
      await rm(target, { recursive: true });
    }
  }

  test(
    'lose nothing that was reported, and the next run completes',
    async () => {
      for (const [at, command] of [
        commands.snapshot,
        commands.snapshot,
        commands.copy,
        commands.snapshot,
      ].entries())
        command.wholeMs = await runWhole(command, `whole ${at}`);
      commands.prune.wholeMs = await runWhole(commands.prune, '');

      const killed = { snapshot: 0, copy: 0, prune: 0 };
      const total = () => killed.snapshot + killed.copy + killed.prune;
      for (let at = 0; total() < kills && at < kills * 3; at += 1) {
        const kind = (['snapshot', 'copy', 'prune'] as const)[at % 3] ?? 'snapshot';
        if (await runKilled(commands[kind], `run ${at}`)) killed[kind] += 1;
      }
      expect(total()).toBe(kills);
      for (const count of Object.values(killed)) expect(count).toBeGreaterThan(kills / 8);

      for (const where of [repository, second])
        expect(await relocate(['-r', where, 'unlock'], { cwd })).toMatchObject({ exitCode: 0 });
      await expectWhole(repository, inFirst);
      await expectWhole(second, inSecond);

      await runWhole(commands.snapshot, 'last');
      await runWhole(commands.copy, '');
      await runWhole(commands.prune, '');
      await expectWhole(repository, inFirst);
      await expectWhole(second, inSecond);
      // What kills left behind is gone after a prune that was not killed.
      const said = await restic(repository, 'prune', '--dry-run', '--max-unused', '0');
      expect(said).toMatch(/total prune:\s+0 blobs/);
    },
    120_000 + kills * 20_000,
  );
});
