import { randomBytes } from 'node:crypto';
import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { files } from '../../src/sources/files.ts';
import type { Captured } from '../../src/sources/source.ts';
import { sourceContract } from '../contract/source.ts';
import { contextIn } from '../support/saved-folder.ts';
import { createSourceStore, type SourceStore } from '../support/source-store.ts';

let base: string;
beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'relocate-files-test-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

async function fill(folder: string): Promise<void> {
  await mkdir(path.join(folder, 'albums', 'summer'), { recursive: true });
  await mkdir(path.join(folder, 'empty'));
  for (let n = 0; n < 60; n += 1)
    await writeFile(path.join(folder, 'albums', `${n}.bin`), randomBytes(200_000));
  await writeFile(path.join(folder, 'albums', 'summer', 'ü ☃\n.txt'), 'a name with a line in it');
  await link(path.join(folder, 'albums', '7.bin'), path.join(folder, 'albums', 'summer', 'the same'));
  await symlink('../nowhere', path.join(folder, 'albums', 'dangling'));
  await chmod(path.join(folder, 'albums', '8.bin'), 0o440);
  await utimes(path.join(folder, 'empty'), 1, 2);
}

sourceContract('files', async () => {
  const own = await mkdtemp(path.join(tmpdir(), 'relocate-files-contract-'));
  await fill(path.join(own, 'full'));
  await mkdir(path.join(own, 'nothing'));
  return {
    kind: 'files',
    options: path.join(own, 'full'),
    killAfterMs: [1, 20, 60],
    emptyOptions: { path: path.join(own, 'nothing') },
    missingOptions: path.join(own, 'missing'),
    newDestination: async () => ({
      kind: 'path',
      path: path.join(own, `back-${randomBytes(4).toString('hex')}`),
    }),
    async damage(destination) {
      if (destination.kind !== 'path') throw new Error('not a path');
      const file = path.join(destination.path, 'albums', '5.bin');
      const { atime, mtime } = await stat(file);
      const handle = await open(file, 'r+');
      await handle.write(Buffer.from([((await readFile(file))[100_000] ?? 0) ^ 1]), 0, 1, 100_000);
      await handle.close();
      await utimes(file, atime, mtime);
    },
    cleanUp: () => rm(own, { recursive: true, force: true }),
  };
});

describe('a folder named in relocate.yaml', () => {
  let store: SourceStore;
  beforeEach(async () => {
    store = await createSourceStore(base);
  });
  afterEach(() => store.close());

  async function capture(options: unknown): Promise<{ captured: Captured; tree: string }> {
    const context = contextIn(base);
    const prepared = await files.prepare(files.options.parse(options), context);
    return store.capture(prepared, context.signal);
  }

  async function namesIn(tree: string): Promise<string[]> {
    const target = path.join(base, 'back');
    await (await store.read(tree)).writeTo(target);
    return (await readdir(target, { recursive: true })).toSorted();
  }

  test('that is a link is captured as the folder that it leads to', async () => {
    await mkdir(path.join(base, 'disk'), { mode: 0o750 });
    await writeFile(path.join(base, 'disk', 'picture'), 'of us');
    await symlink('disk', path.join(base, 'uploads'));
    const { captured, tree } = await capture('uploads');
    expect(captured).toMatchObject({ items: 1, problems: [] });
    expect(await namesIn(tree)).toEqual(['picture']);
    expect((await stat(path.join(base, 'back'))).mode & 0o7777).toBe(0o750);
  });

  test('that is a link: patterns are held against the name that stands there', async () => {
    await mkdir(path.join(base, 'disk', 'cache'), { recursive: true });
    await writeFile(path.join(base, 'disk', 'picture'), 'of us');
    await symlink('disk', path.join(base, 'uploads'));
    const { tree } = await capture({ path: 'uploads', exclude: [path.join(base, 'uploads', 'cache')] });
    expect(await namesIn(tree)).toEqual(['picture']);
  });

  test('without what the patterns leave out, also of a folder within', async () => {
    for (const name of ['a.tmp', 'keep', 'sub/b.tmp', 'sub/keep', 'cache/c', '.git/config']) {
      await mkdir(path.dirname(path.join(base, 'app', name)), { recursive: true });
      await writeFile(path.join(base, 'app', name), name);
    }
    const { captured, tree } = await capture({ path: './app', exclude: ['*.tmp', 'cache', '.git'] });
    expect(await namesIn(tree)).toEqual(['keep', 'sub', 'sub/keep']);
    expect(captured.fingerprint.facts).toMatchObject({ files: 2, folders: 1, bytes: 12 });
  });

  test('is a file: that is said, and nothing is captured', async () => {
    await writeFile(path.join(base, 'file'), '');
    await expect(capture('file')).rejects.toMatchObject({
      code: 'source-failed',
      message: `${path.join(base, 'file')} is no folder.`,
    });
  });

  test('goes away between the moment and the capture: the capture fails', async () => {
    await mkdir(path.join(base, 'soon-gone'));
    const context = contextIn(base);
    const prepared = await files.prepare('soon-gone', context);
    await rm(path.join(base, 'soon-gone'), { recursive: true });
    await expect(store.capture(prepared, context.signal)).rejects.toMatchObject({
      code: 'source-failed',
      hint: expect.any(String),
    });
  });

  test.each(['[', 'a\\', ''])('with the exclude %j is refused before anything is read', (pattern) => {
    expect(files.options.safeParse({ path: '.', exclude: [pattern] }).success).toBe(false);
  });
});

describe('a restored folder differs', () => {
  let store: SourceStore;
  beforeEach(async () => {
    store = await createSourceStore(base);
  });
  afterEach(() => store.close());

  const changes: [string, (folder: string) => Promise<unknown>][] = [
    ['a file is missing', (folder) => rm(path.join(folder, 'a'))],
    ['a file is too many', (folder) => writeFile(path.join(folder, 'more'), '')],
    ['a file is shorter', (folder) => writeFile(path.join(folder, 'a'), '1234')],
    ['a mode is wider', (folder) => chmod(path.join(folder, 'a'), 0o666)],
    [
      'a link leads elsewhere',
      async (folder) => {
        await rm(path.join(folder, 'link'));
        await symlink('b', path.join(folder, 'link'));
      },
    ],
    [
      'a folder stands where a file was',
      async (folder) => {
        await rm(path.join(folder, 'a'));
        await mkdir(path.join(folder, 'a'));
      },
    ],
  ];

  test.each(changes)('when %s', async (_name, change) => {
    const folder = path.join(base, 'app');
    await mkdir(folder);
    await writeFile(path.join(folder, 'a'), '12345', { mode: 0o600 });
    await symlink('a', path.join(folder, 'link'));
    const context = contextIn(base);
    const { captured, tree } = await store.capture(await files.prepare('app', context), context.signal);
    const saved = {
      ...captured,
      name: 'db',
      kind: 'files',
      path: '/data/db',
      startedAt: '',
      durationMs: 0,
    };
    const destination = { kind: 'path' as const, path: path.join(base, 'back') };
    const restore = { ...context, saved: await store.read(tree), scratch: base, parallel: 2 };
    await files.restore(saved, destination, restore);
    const facts = async () => (await files.fingerprint(saved, destination, restore)).facts;
    expect(await facts()).toEqual(captured.fingerprint.facts);
    await change(destination.path);
    expect(await facts()).not.toEqual(captured.fingerprint.facts);
  });
});
