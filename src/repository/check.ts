import { RelocateError } from '../errors.ts';
import { silent } from '../events.ts';
import type { Storage } from '../storage/storage.ts';
import type { BlobTable } from './blob-table.ts';
import { checkPacks, TreeCheck } from './check-structure.ts';
import { readKey } from './key.ts';
import { maxPackBytes } from './pack.ts';
import { Problems } from './problems.ts';
import type { CheckOptions } from './repository.ts';
import type { Reader } from './reader.ts';
import type { CheckResult, Id, StoredSnapshot } from './types.ts';

export interface CheckInput {
  storage: Storage;
  table: BlobTable;
  snapshots: readonly StoredSnapshot[];
  /** Problems met while the index was loaded and the snapshots were listed. */
  errors: readonly string[];
  reader: Pick<Reader, 'loadBlob' | 'readPacks'>;
}

const short = (id: Id) => id.slice(0, 8);

/** Structure: index against packs, snapshots' trees against the index; then, for a share of the packs, every byte. */
export async function checkRepository(input: CheckInput, options: CheckOptions): Promise<CheckResult> {
  const { storage, table, snapshots, reader } = input;
  const problems = new Problems([...input.errors, ...(await damagedKeys(storage))]);
  const hints = new Problems();
  const present = new Map((await storage.list('pack')).map((file) => [file.name, file.sizeBytes]));
  checkPacks(table, present, problems, hints);
  const trees = new TreeCheck(table, (type, id) => reader.loadBlob(type, id), problems);
  for (const snapshot of snapshots) await trees.check(snapshot, options.signal);
  const read = await readPacks(input, options, present, problems);
  return {
    errors: problems.lines(),
    hints: hints.lines(),
    packs: present.size,
    blobs: table.size,
    snapshots: snapshots.length,
    ...read,
  };
}

/** A damaged key file locks out whoever has its password, and nobody would notice before they need it. */
async function damagedKeys(storage: Storage): Promise<string[]> {
  const errors: string[] = [];
  for (const file of await storage.list('key')) {
    try {
      await readKey(storage, file);
    } catch (error) {
      if (!(error instanceof RelocateError)) throw error;
      errors.push(`Key ${short(file.name)}: ${error.message}`);
    }
  }
  return errors;
}

async function readPacks(
  { table, reader }: CheckInput,
  { readDataPercent, emit = silent, signal }: CheckOptions,
  present: ReadonlyMap<Id, number>,
  problems: Problems,
): Promise<{ readPacks: number; readBytes: number }> {
  const all = [...table.packs().entries()].filter(([, pack]) => present.has(pack));
  const count = readDataPercent === 0 ? 0 : Math.max(1, Math.ceil((all.length * readDataPercent) / 100));
  // A random share each time, so that repeated checks of a part come to read all of it.
  const chosen = all
    .map(([number, pack]) => ({ number, pack, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .slice(0, count);
  const totalBytes = chosen.reduce((sum, { pack }) => sum + (present.get(pack) ?? 0), 0);
  const blobsOf = count === 0 ? () => [] : table.byPack();
  let readBytes = 0;
  function* packs() {
    for (const { number, pack } of chosen) {
      const sizeBytes = present.get(pack) ?? 0;
      if (sizeBytes <= maxPackBytes) yield { pack, sizeBytes, indexed: blobsOf(number) };
      else problems.add(`Pack ${short(pack)}: It is larger than a pack can be.`);
    }
  }
  await reader.readPacks(
    packs(),
    (pack, sizeBytes, damage) => {
      if (damage !== undefined) problems.add(`Pack ${short(pack)}: ${damage}`);
      readBytes += sizeBytes;
      emit({ type: 'progress', phase: 'check', doneBytes: readBytes, totalBytes });
    },
    signal,
  );
  return { readPacks: chosen.length, readBytes };
}
