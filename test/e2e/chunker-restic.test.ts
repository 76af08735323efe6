import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { listTree } from '../../src/filesystem/list.ts';
import { Chunker, chunkerTables } from '../../src/repository/chunker.ts';
import { idOf } from '../../src/repository/crypto.ts';
import { createRepository, openRepository } from '../../src/repository/index.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { resticBinaries } from '../filesystem/support/restic.ts';
import { contentOf, stretches } from '../support/chunker-content.ts';
import { resticRunner } from '../support/restic.ts';

const files = Number(process.env['RELOCATE_TEST_CHUNKER_FILES'] ?? 40);
const seed = Number(process.env['RELOCATE_TEST_SEED'] ?? 20210110);

test(`${files} files with cuts in all the awkward places: the blobs that restic stores are the ones we cut`, async () => {
  const work = await mkdtemp(join(tmpdir(), 'relocate-chunker-'));
  try {
    const folder = join(work, 'repository');
    const { polynomial, close } = await createdRepository(folder);
    await close();
    const chunker = new Chunker(chunkerTables(polynomial));
    const expected = new Map<string, string[]>();
    await mkdir(join(work, 'files'));
    for (const [at, all] of fc.sample(stretches, { numRuns: files, seed }).entries()) {
      const content = contentOf(all, polynomial);
      await writeFile(join(work, 'files', `${at}`), content);
      // Each chunk is good until the next one is asked for.
      const ids = Array.from(chunker.push(content), (chunk) => idOf(chunk));
      const last = chunker.finish();
      expected.set(`${at}`, last ? [...ids, idOf(last)] : ids);
    }
    resticRunner(resticBinaries[0] ?? 'restic', folder).run(['backup', 'files'], { cwd: work });

    const repository = await openRepository(new LocalStorage(folder), 'pw');
    const { tree } = await repository.findSnapshot('latest');
    const stored = new Map<string, string[]>();
    for await (const { node } of listTree(repository, tree))
      if (node.type === 'file') stored.set(node.name.toString(), node.content ?? []);
    await repository.close();
    expect(stored.size).toBe(files);
    for (const [name, ids] of expected) expect({ name, ids: stored.get(name) }).toEqual({ name, ids });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}, 300_000);

async function createdRepository(folder: string) {
  const repository = await createRepository(new LocalStorage(folder), 'pw');
  return { polynomial: repository.polynomial, close: () => repository.close() };
}
