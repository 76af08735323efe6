import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createRepository, openRepository } from '../../src/repository/index.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { damage, faultyStorage } from '../support/faulty-storage.ts';
import { filesIn, restoreFiles, saveFolder } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';

describe('an index made again from the packs', () => {
  const work = mkdtempSync(join(tmpdir(), 'relocate-repair-'));
  const template = join(work, 'template');
  const source = join(work, 'source');
  let snapshots: string[];
  let original: Map<string, Buffer>;

  beforeAll(async () => {
    const random = seeded(405);
    await mkdir(source);
    await writeFile(join(source, 'large'), random.bytes(5_000_000));
    for (let at = 0; at < 10; at += 1) await writeFile(join(source, `${at}`), random.bytes(3_000));
    const repository = await createRepository(new LocalStorage(template), 'pw');
    const first = await saveFolder(repository, source);
    await writeFile(join(source, 'second'), random.bytes(2_000_000));
    snapshots = [first, await saveFolder(repository, source)];
    await repository.close();
    original = new Map(
      [...(await filesIn(source))].map(([path, content]) => [`data/files/${path}`, content]),
    );
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  async function copy(): Promise<string> {
    const folder = await mkdtemp(join(work, 'copy-'));
    await cp(template, folder, { recursive: true });
    return folder;
  }

  async function change(path: string, how: (bytes: Buffer) => Buffer): Promise<void> {
    await chmod(path, 0o600);
    await writeFile(path, how(await readFile(path)));
  }

  async function indexesOf(folder: string): Promise<string[]> {
    return (await readdir(join(folder, 'index'))).map((name) => join(folder, 'index', name));
  }

  async function repair(folder: string) {
    const repository = await openRepository(new LocalStorage(folder), 'pw');
    const result = await repository.withLock('exclusive', {}, (signal) => repository.repairIndex({ signal }));
    return { repository, result };
  }

  async function expectSound(repository: Repository, folder: string): Promise<void> {
    expect(await repository.check({ readDataPercent: 100 })).toMatchObject({ errors: [], hints: [] });
    const { files, problems } = await restoreFiles(repository, snapshots[1] ?? '', work);
    expect(problems).toEqual([]);
    expect([...files.keys()].toSorted()).toEqual([...original.keys()].toSorted());
    for (const [path, content] of files) expect(original.get(path)?.equals(content)).toBe(true);
    const said = execFileSync('restic', ['-r', folder, '--no-cache', 'check', '--read-data'], {
      env: { ...process.env, RESTIC_PASSWORD: 'pw' },
      encoding: 'utf8',
    });
    expect(said).toContain('no errors were found');
  }

  test.each([
    ['lost', (file: string) => rm(file, { force: true })],
    ['cut off', (file: string) => change(file, (bytes) => damage(bytes, 'truncate'))],
    ['bit-flipped', (file: string) => change(file, (bytes) => damage(bytes, 'flip'))],
  ])('all index files %s: nothing is lost, and restic agrees', async (_, spoil) => {
    const folder = await copy();
    for (const file of await indexesOf(folder)) await spoil(file);
    const { repository, result } = await repair(folder);
    expect(result.unreadable).toEqual([]);
    await expectSound(repository, folder);
    await repository.close();
  });

  test('a sound index, made again, names the same blobs and leaves no old file', async () => {
    const folder = await copy();
    const { repository, result } = await repair(folder);
    expect(await indexesOf(folder)).toHaveLength(1);
    const { blobs, packs } = await repository.check({ readDataPercent: 0 });
    expect(result).toMatchObject({ blobs, packs, unreadable: [] });
    await expectSound(repository, folder);
    await repository.close();
  });

  test('a pack whose own list is damaged: it is named, and its blobs stay known from the old index', async () => {
    const folder = await copy();
    const packs = [...(await filesIn(folder)).keys()].filter((path) => path.startsWith('data/'));
    for (const pack of packs) {
      // The last byte of the sealed header, before its length.
      await change(join(folder, pack), (bytes) => {
        bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1;
        return bytes;
      });
    }
    const { repository, result } = await repair(folder);
    expect(result.unreadable.map(({ pack }) => pack).toSorted()).toEqual(
      packs.map((path) => path.slice('data/xx/'.length)).toSorted(),
    );
    for (const { keptBlobs } of result.unreadable) expect(keptBlobs).toBeGreaterThan(0);
    const { files, problems } = await restoreFiles(repository, snapshots[1] ?? '', work);
    expect({ files: files.size, problems }).toEqual({ files: original.size, problems: [] });
    await repository.close();
  });

  test('a storage that stops answering leaves the old index as it was', async () => {
    const folder = await copy();
    const before = await indexesOf(folder);
    const local = new LocalStorage(folder);
    const repository = await openRepository({ ...faultyStorage(local), load: failOnPacks }, 'pw');
    async function failOnPacks(...[file, range]: Parameters<LocalStorage['load']>): Promise<Buffer> {
      if (file.type === 'pack') throw new Error('the line is dead');
      return local.load(file, range);
    }
    await expect(repository.withLock('exclusive', {}, () => repository.repairIndex())).rejects.toThrow(
      'the line is dead',
    );
    await repository.close();
    expect(await indexesOf(folder)).toEqual(before);
  });
});
