import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createRepository, openRepository } from '../../src/repository/index.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { resticBinaries } from '../filesystem/support/restic.ts';
import { differences, filesIn, restoreFiles, saveFolder } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';
import { resticRunner } from '../support/restic.ts';

describe('several at one repository', () => {
  const work = mkdtempSync(join(tmpdir(), 'relocate-several-'));
  const folder = join(work, 'repository');
  const restic = resticRunner(resticBinaries[0] ?? 'restic', folder);
  const contents: Map<string, Buffer>[] = [];

  beforeAll(async () => {
    const random = seeded(77);
    const shared = random.bytes(3_000_000);
    for (const name of ['one', 'two', 'three']) {
      await mkdir(join(work, name));
      await writeFile(join(work, name, 'shared'), shared);
      await writeFile(join(work, name, 'own'), random.bytes(2_000_000));
      contents.push(await filesIn(join(work, name)));
    }
  });
  beforeEach(async () => {
    await rm(folder, { recursive: true, force: true });
    await (await createRepository(new LocalStorage(folder), 'pw')).close();
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  async function expectWhole(snapshot: string, content: Map<string, Buffer>, below: string): Promise<void> {
    const repository = await openRepository(new LocalStorage(folder), 'pw');
    const { files, problems } = await restoreFiles(repository, snapshot, work);
    await repository.close();
    const expected = new Map([...content].map(([path, bytes]) => [join(below, path), bytes]));
    expect({ problems, different: differences(files, expected) }).toEqual({ problems: [], different: [] });
  }

  async function expectSound(): Promise<void> {
    const repository = await openRepository(new LocalStorage(folder), 'pw');
    expect(await repository.check({ readDataPercent: 100 })).toMatchObject({ errors: [], hints: [] });
    expect(await repository.locks()).toEqual([]);
    await repository.close();
    expect(restic.run(['check', '--read-data'])).toContain('no errors were found');
  }

  test('two of us and a restic save at once: all three come back, and all is sound', async () => {
    const save = async (name: string) => {
      const repository = await openRepository(new LocalStorage(folder), 'pw');
      try {
        return await saveFolder(repository, join(work, name));
      } finally {
        await repository.close();
      }
    };
    const backup = restic.start(['backup', 'three'], { cwd: work });
    const [first, second, [exitCode]] = await Promise.all([save('one'), save('two'), once(backup, 'close')]);
    expect(exitCode).toBe(0);
    await expectWhole(first, contents[0] ?? new Map(), 'data/files');
    await expectWhole(second, contents[1] ?? new Map(), 'data/files');
    const { stdout } = restic.attempt(['snapshots', '--json']);
    const third = (JSON.parse(stdout) as { id: string; hostname: string }[]).find(
      ({ id }) => id !== first && id !== second,
    );
    await expectWhole(third?.id ?? '', contents[2] ?? new Map(), 'three');
    await expectSound();
  });

  async function startWriter() {
    const program = fileURLToPath(new URL('../support/suspended-writer.ts', import.meta.url));
    const child = spawn(process.execPath, ['--no-warnings', program, folder], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const said = async () => String((await lines.next()).value);
    expect(await said()).toBe('saved');
    return { child, said };
  }

  const snapshots = () => readdir(join(folder, 'snapshots'));

  test('a writer that is not suspended saves its snapshot', async () => {
    const { child, said } = await startWriter();
    child.stdin.end('go on\n');
    const id = await said();
    expect(await snapshots()).toEqual([id]);
    await expectSound();
  });

  test.each([
    ['while nobody else came', async () => {}],
    [
      'while restic took its lock for stale, and pruned what it had stored',
      async () => {
        restic.run(['unlock', '--remove-all']);
        restic.run(['prune']);
        expect(
          (await readdir(join(folder, 'data'), { recursive: true })).filter((name) => name.length > 2),
        ).toEqual([]);
      },
    ],
  ])('a writer suspended past its lock, %s: it says so, and writes no snapshot', async (_, meanwhile) => {
    const { child, said } = await startWriter();
    child.kill('SIGSTOP');
    // restic prunes by a lock of its own: one that is alive stops it.
    expect(restic.attempt(['prune']).stderr).toContain('already locked');
    await Promise.all([sleep(4_000), meanwhile()]);
    child.kill('SIGCONT');
    child.stdin.end('go on\n');
    expect(await said()).toBe('lock-lost');
    expect(await snapshots()).toEqual([]);
    const repository = await openRepository(new LocalStorage(folder), 'pw');
    await repository.unlock({ all: true });
    expect((await repository.check({ readDataPercent: 100 })).errors).toEqual([]);
    const id = await saveFolder(repository, join(work, 'one'));
    await repository.close();
    await expectWhole(id, contents[0] ?? new Map(), 'data/files');
    expect(restic.run(['check', '--read-data'])).toContain('no errors were found');
  });
});
