import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { relocate, resultOf, startRelocate, testPassword } from '../support/cli.ts';
import { seeded } from '../support/random.ts';

const run = promisify(execFile);
const kills = Number(process.env['RELOCATE_TEST_KILLS'] ?? 50);
const seed = Number(process.env['RELOCATE_TEST_SEED'] ?? 20210110);

async function restic(repository: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await run('restic', ['-r', repository, '--no-cache', ...args], {
    env: { ...process.env, RESTIC_PASSWORD: testPassword },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout + stderr;
}

describe(`${kills} snapshots killed with SIGKILL at random moments (seed ${seed})`, () => {
  let folder: string;
  let repository: string;
  const random = seeded(seed);
  /** The content that each reported snapshot must give back. */
  const reported: { id: string; marker: string }[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relocate-killed-'));
    repository = join(folder, 'repository');
    await mkdir(join(folder, 'app', 'files'), { recursive: true });
    await writeFile(
      join(folder, 'app', 'relocate.yaml'),
      `app: killed\ndata:\n  files: { files: ./files }\nrepositories: [ "file:${repository}" ]\n`,
    );
    const made = await relocate(['init', '--repository'], { cwd: join(folder, 'app') });
    expect(made).toMatchObject({ exitCode: 0 });
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** New content each time: some megabytes in one file, and a crowd of small ones. */
  async function change(marker: string): Promise<void> {
    const files = join(folder, 'app', 'files');
    await writeFile(join(files, 'marker'), marker);
    await writeFile(join(files, `large-${random.int(3)}`), random.bytes(6 * 1024 * 1024));
    await mkdir(join(files, 'small'), { recursive: true });
    for (let at = 0; at < 60; at += 1) {
      await writeFile(join(files, 'small', String(random.int(200))), random.bytes(random.int(20_000)));
    }
  }

  test('lose nothing that was reported, and the next run completes', async () => {
    const cwd = join(folder, 'app');
    await change('first');
    const startedAt = Date.now();
    const first = await relocate(['snapshot', '--json'], { cwd });
    const wholeMs = Date.now() - startedAt;
    reported.push({ id: resultOf<{ snapshot: string }>(first).snapshot, marker: 'first' });

    let killed = 0;
    for (let at = 0; at < kills; at += 1) {
      const marker = `run ${at}`;
      await change(marker);
      const { child, ended } = startRelocate(['snapshot', '--json'], { cwd });
      const timer = setTimeout(() => child.kill('SIGKILL'), random.next() * wholeMs * 1.1);
      const result = await ended;
      clearTimeout(timer);
      if (result.signal === 'SIGKILL') killed += 1;
      const done = result.stdout.split('\n').find((line) => line.includes('"type":"result"'));
      if (done !== undefined)
        reported.push({ id: (JSON.parse(done) as { snapshot: string }).snapshot, marker });
    }
    expect(killed).toBeGreaterThan(kills / 2);

    const unlocked = await relocate(['unlock'], { cwd });
    expect(unlocked).toMatchObject({ exitCode: 0 });
    expect(await restic(repository, 'check', '--read-data')).toContain('no errors were found');

    await change('last');
    const last = await relocate(['snapshot', '--json'], { cwd });
    expect(last).toMatchObject({ exitCode: 0 });
    reported.push({ id: resultOf<{ snapshot: string }>(last).snapshot, marker: 'last' });

    for (const { id, marker } of reported) {
      const target = join(folder, 'restored', id);
      const restored = await relocate(['restore', id, '--target', target], { cwd });
      expect(restored).toMatchObject({ exitCode: 0 });
      expect(await readFile(join(target, 'data/files/marker'), 'utf8')).toBe(marker);
      await rm(target, { recursive: true });
    }
    expect(await restic(repository, 'check', '--read-data')).toContain('no errors were found');
  }, 600_000);
});
