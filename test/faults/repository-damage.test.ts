import { mkdtempSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { RelocateError } from '../../src/errors.ts';
import { createRepository, openRepository } from '../../src/repository/index.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { damage } from '../support/faulty-storage.ts';
import { filesIn, restoreFiles, saveFolder } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';

const damages = ['truncate', 'flip', 'empty', 'missing', 'swapped'] as const;
type Damage = (typeof damages)[number];

/** Who says it first: opening, locking, or `check` of every byte. A file that nothing refers to vanishes unseen. */
type SaidBy = 'open' | 'lock' | 'check' | 'nobody';
const kinds = [
  { kind: 'data pack', saidBy: 'check', missing: 'check' },
  { kind: 'tree pack', saidBy: 'check', missing: 'check' },
  { kind: 'index', saidBy: 'check', missing: 'check' },
  { kind: 'snapshot', saidBy: 'check', missing: 'nobody' },
  { kind: 'key', saidBy: 'check', missing: 'nobody' },
  { kind: 'config', saidBy: 'open', missing: 'open' },
  { kind: 'lock', saidBy: 'lock', missing: 'nobody' },
] as const satisfies readonly { kind: string; saidBy: SaidBy; missing: SaidBy }[];
type Kind = (typeof kinds)[number]['kind'];

describe('one damaged file in a repository', () => {
  const work = mkdtempSync(join(tmpdir(), 'relocate-damage-'));
  const template = join(work, 'template');
  const source = join(work, 'source');
  /** Two files of each kind, by path: the one to damage, and another to swap it with. */
  const places = {} as Record<Kind, [string, string]>;
  let original: Map<string, Buffer>;
  let snapshots: string[];

  beforeAll(async () => {
    const random = seeded(404);
    await mkdir(join(source, 'folder'), { recursive: true });
    await writeFile(join(source, 'large'), random.bytes(5_000_000));
    for (let at = 0; at < 10; at += 1) await writeFile(join(source, 'folder', `${at}`), random.bytes(3_000));
    const repository = await createRepository(new LocalStorage(template), 'pw');
    const other = await createRepository(new LocalStorage(join(work, 'other')), 'pw');
    const first = await saveFolder(repository, source);
    await writeFile(join(source, 'second'), random.bytes(2_000_000));
    snapshots = [first, await saveFolder(repository, source)];
    original = new Map(
      [...(await filesIn(source))].map(([path, content]) => [`data/files/${path}`, content]),
    );
    const used = (await repository.listKeys())[0]?.id ?? '';
    const unused = await repository.addKey('second');
    // Locks of a process that lives: of this one, kept while they are held.
    await repository.withLock('shared', {}, () =>
      repository.withLock('shared', {}, () =>
        cp(join(template, 'locks'), join(work, 'locks'), { recursive: true }),
      ),
    );
    await repository.close();
    await other.close();

    const paths = [...(await filesIn(template)).keys()];
    const packs = await Promise.all(
      paths
        .filter((path) => path.startsWith('data/'))
        .map(async (path) => ({ path, sizeBytes: (await stat(join(template, path))).size })),
    );
    const two = (found: string[]): [string, string] => [found[0] ?? '', found[1] ?? ''];
    places['data pack'] = two(packs.filter((pack) => pack.sizeBytes > 1_000_000).map((pack) => pack.path));
    places['tree pack'] = two(packs.filter((pack) => pack.sizeBytes < 1_000_000).map((pack) => pack.path));
    places.index = two(paths.filter((path) => path.startsWith('index/')));
    places.snapshot = [`snapshots/${snapshots[1]}`, `snapshots/${snapshots[0]}`];
    places.key = [`keys/${unused}`, `keys/${used}`];
    places.config = ['config', '../other/config'];
    places.lock = two([...(await filesIn(join(work, 'locks'))).keys()].map((name) => `locks/${name}`));
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  async function damagedCopy(kind: Kind, how: Damage): Promise<{ folder: string; path: string }> {
    const folder = await mkdtemp(join(work, 'copy-'));
    await cp(template, folder, { recursive: true });
    if (kind === 'lock') await cp(join(work, 'locks'), join(folder, 'locks'), { recursive: true });
    const [path, other] = places[kind];
    const file = join(folder, path);
    await chmod(file, 0o600);
    if (how === 'missing') await rm(file);
    else if (how === 'swapped') await writeFile(file, await readFile(join(folder, other)));
    else if (how === 'empty') await writeFile(file, '');
    else await writeFile(file, damage(await readFile(file), how));
    return { folder, path };
  }

  /** Goes the way of every command until somebody says that something is wrong. */
  async function firstComplaint(
    folder: string,
  ): Promise<{ saidBy: SaidBy; said: string; repository?: Repository }> {
    const said = (error: unknown) => {
      if (error instanceof RelocateError) return `${error.code}: ${error.message}`;
      throw error;
    };
    let repository: Repository;
    try {
      repository = await openRepository(new LocalStorage(folder), 'pw');
    } catch (error) {
      return { saidBy: 'open', said: said(error) };
    }
    try {
      await repository.withLock('shared', {}, async () => {});
    } catch (error) {
      return { saidBy: 'lock', said: said(error), repository };
    }
    try {
      const { errors } = await repository.check({ readDataPercent: 100 });
      return { saidBy: errors.length > 0 ? 'check' : 'nobody', said: errors.join('\n'), repository };
    } catch (error) {
      return { saidBy: 'check', said: said(error), repository };
    }
  }

  const cases = kinds.flatMap(({ kind, saidBy, missing }) =>
    damages.map((how) => ({ kind, how, expected: how === 'missing' ? missing : saidBy })),
  );

  test.each(cases)(
    '$kind, $how: said by $expected, and no wrong byte comes back',
    async ({ kind, how, expected }) => {
      const { folder, path } = await damagedCopy(kind, how);
      const { saidBy, said, repository } = await firstComplaint(folder);
      expect({ saidBy, said }).toMatchObject({ saidBy: expected });
      const name = kind === 'config' ? 'config' : basename(path).slice(0, 8);
      // Of an index that is gone nobody knows the name; of what it held, somebody does.
      if (expected !== 'nobody')
        expect(said).toContain(kind === 'index' && how === 'missing' ? 'blob' : name);

      for (const snapshot of repository ? snapshots : []) {
        const { files, problems } = await restoreFiles(repository as Repository, snapshot, work);
        const wrong = [...files].filter(([file, content]) => original.get(file)?.equals(content) !== true);
        expect(wrong.map(([file]) => file)).toEqual([]);
        const isWhole = files.size === original.size - (snapshot === snapshots[0] ? 1 : 0);
        expect(isWhole || problems.length > 0).toBe(true);
        if (kind === 'key' || kind === 'lock')
          expect({ isWhole, problems }).toEqual({ isWhole: true, problems: [] });
      }
      await repository?.close();
      await rm(folder, { recursive: true });
    },
  );

  test('the sound repository has nothing to complain of', async () => {
    const { saidBy, said, repository } = await firstComplaint(template);
    expect({ saidBy, said }).toEqual({ saidBy: 'nobody', said: '' });
    await repository?.close();
  });
});
