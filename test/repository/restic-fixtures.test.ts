import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openRepository } from '../../src/repository/index.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { decodeTree } from '../../src/repository/tree.ts';
import { openStorage } from '../../src/storage/index.ts';
import { codeOf } from '../contract/storage.ts';

/** Small repositories that restic made, kept so that machines without restic prove the format too. */
const fixtures = [
  {
    folder: 'restic-0.14-version-1',
    version: 1,
    id: '351d0b593d9d75cd5264d52eaf5c14222733907007bd3233907aceec926872d3',
    secret: '11198829ed30ba60aed6051010ee97b54ffb80769833a880f756dc1914a65e5a',
  },
  {
    folder: 'restic-0.18-version-2',
    version: 2,
    id: 'd06d43debd1cc0a596169a36dd069707bfb2eccfc7507de7130e32cd0fd20792',
    secret: '052003a0276af10a61882830b513357a08103cad9bbcda426cbaff9c98e5bf76',
  },
] as const;

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => `${from + at}\n`).join('');

/** The files of each snapshot, by its tag. */
const contents = {
  one: { 'hello.txt': 'hello\n', empty: '', 'folder/numbers': numbers(1, 2000) },
  two: {
    'hello.txt': 'hello\n',
    empty: '',
    'folder/numbers': numbers(1, 2000),
    'folder/more': numbers(2000, 4000),
  },
} as const;

describe.each(fixtures)('the repository $folder', ({ folder, version, id, secret }) => {
  let repository: Repository;
  let second: Repository;
  const url = `file:${fileURLToPath(new URL(`./fixtures/${folder}`, import.meta.url))}`;
  const open = async (password: string) => openRepository(await openStorage(url), password);

  beforeAll(async () => {
    repository = await open('fixture');
    second = await open('second');
  });
  afterAll(async () => {
    await repository.close();
    await second.close();
  });

  async function filesBelow(tree: string, path = ''): Promise<Record<string, string>> {
    const files: Record<string, string> = {};
    for (const node of decodeTree(await repository.loadBlob('tree', tree))) {
      const name = path + node.name.toString();
      if (node.subtree !== undefined) Object.assign(files, await filesBelow(node.subtree, `${name}/`));
      if (node.type !== 'file') continue;
      const parts: Buffer[] = [];
      for await (const part of repository.readContent(node.content ?? [])) parts.push(part);
      files[name] = Buffer.concat(parts).toString();
    }
    return files;
  }

  test('opens with each of its passwords and with no other', async () => {
    expect([repository.id, second.id]).toEqual([id, id]);
    expect(repository.version).toBe(version);
    expect(await codeOf(open('third'))).toBe('wrong-password');
    const keys = await repository.listKeys();
    expect(keys.map((key) => [key.username, key.hostname])).toEqual([
      ['root', 'fixture'],
      ['root', 'fixture'],
    ]);
    expect(keys.filter((key) => key.current)).toHaveLength(1);
  });

  test.each(['one', 'two'] as const)('gives back every file of the snapshot tagged %s', async (tag) => {
    const [snapshot, ...others] = await repository.snapshots({ tags: [tag] });
    expect(others).toEqual([]);
    expect(snapshot).toMatchObject({ paths: ['/srv/app'], hostname: 'fixture', tags: [tag] });
    const expected = Object.entries(contents[tag]).map(([name, text]) => [`app/${name}`, text]);
    expect(await filesBelow(snapshot?.tree ?? '')).toEqual(Object.fromEntries(expected));
  });

  test('passes a check of every byte', async () => {
    const result = await repository.check({ readDataPercent: 100 });
    expect(result).toMatchObject({ errors: [], hints: [], packs: 4, readPacks: 4, snapshots: 2 });
  });

  // What was encrypted with such a secret must open in all later versions, and after a change of password.
  test('derives the same secret for ever, whatever the password', async () => {
    const [own, other] = [repository.copies[0]?.key, second.copies[0]?.key];
    expect([own?.deriveSecret('a purpose'), other?.deriveSecret('a purpose')]).toEqual([secret, secret]);
    expect(own?.deriveSecret('another')).toMatch(/^(?!.*undefined)[0-9a-f]{64}$/);
    expect(own?.deriveSecret('another')).not.toBe(secret);
  });
});
