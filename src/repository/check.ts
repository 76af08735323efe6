import { RelocateError } from '../errors.ts';
import { silent } from '../events.ts';
import type { Storage } from '../storage/storage.ts';
import type { BlobTable } from './blob-table.ts';
import { readKey } from './key.ts';
import type { PackedBlob } from './pack.ts';
import type { CheckOptions } from './repository.ts';
import type { Reader } from './reader.ts';
import { decodeTree } from './tree.ts';
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
  const errors = [...input.errors, ...(await damagedKeys(input.storage))];
  const hints: string[] = [];
  const present = new Map((await input.storage.list('pack')).map((file) => [file.name, file.sizeBytes]));
  const byPack = new Map<Id, PackedBlob[]>();
  for (const { pack, ...blob } of input.table.entries()) {
    const blobs = byPack.get(pack);
    if (blobs) blobs.push(blob);
    else byPack.set(pack, [blob]);
  }
  for (const [pack, blobs] of byPack) {
    const sizeBytes = present.get(pack);
    const needed = blobs.reduce((most, blob) => Math.max(most, blob.offset + blob.length), 0);
    if (sizeBytes === undefined)
      errors.push(`Pack ${short(pack)} is missing; ${blobs.length} blobs were in it.`);
    else if (sizeBytes < needed)
      errors.push(`Pack ${short(pack)} is cut off: ${sizeBytes} bytes of at least ${needed}.`);
  }
  for (const pack of present.keys()) {
    if (!byPack.has(pack)) hints.push(`Pack ${short(pack)} is in no index; it costs room and harms nothing.`);
  }
  for (const snapshot of input.snapshots) await checkTrees(input, snapshot, errors);
  const read = await readPacks(input, options, byPack, present, errors);
  return {
    errors,
    hints,
    packs: present.size,
    blobs: input.table.size,
    snapshots: input.snapshots.length,
    ...read,
  };
}

/** A damaged key file locks out whoever has its password, and nobody would notice before they need it. */
async function damagedKeys(storage: Storage): Promise<string[]> {
  const errors: string[] = [];
  for (const { name } of await storage.list('key')) {
    try {
      await readKey(storage, name);
    } catch (error) {
      if (!(error instanceof RelocateError)) throw error;
      errors.push(`Key ${short(name)}: ${error.message}`);
    }
  }
  return errors;
}

async function checkTrees(
  { table, reader }: CheckInput,
  snapshot: StoredSnapshot,
  errors: string[],
): Promise<void> {
  const seen = new Set<Id>();
  const open = [snapshot.tree];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    try {
      for (const node of decodeTree(await reader.loadBlob('tree', id))) {
        if (node.subtree !== undefined) open.push(node.subtree);
        for (const blob of node.content ?? []) {
          if (!table.has('data', blob)) {
            errors.push(
              `Snapshot ${short(snapshot.id)}: blob ${short(blob)} of ${node.name.toString()} is missing.`,
            );
          }
        }
      }
    } catch (error) {
      if (!(error instanceof RelocateError)) throw error;
      errors.push(`Snapshot ${short(snapshot.id)}: folder ${short(id)}: ${error.message}`);
    }
  }
}

async function readPacks(
  { reader }: CheckInput,
  { readDataPercent, emit = silent, signal }: CheckOptions,
  byPack: ReadonlyMap<Id, readonly PackedBlob[]>,
  present: ReadonlyMap<Id, number>,
  errors: string[],
): Promise<{ readPacks: number; readBytes: number }> {
  const all = [...byPack.keys()].filter((pack) => present.has(pack));
  const count = readDataPercent === 0 ? 0 : Math.max(1, Math.ceil((all.length * readDataPercent) / 100));
  // A random share each time, so that repeated checks of a part come to read all of it.
  const chosen = all
    .map((pack) => ({ pack, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .slice(0, count);
  const totalBytes = chosen.reduce((sum, { pack }) => sum + (present.get(pack) ?? 0), 0);
  let readBytes = 0;
  await reader.readPacks(
    chosen.map(({ pack }) => ({ pack, sizeBytes: present.get(pack) ?? 0, indexed: byPack.get(pack) ?? [] })),
    (pack, sizeBytes, damage) => {
      if (damage !== undefined) errors.push(`Pack ${short(pack)}: ${damage}`);
      readBytes += sizeBytes;
      emit({ type: 'progress', phase: 'check', doneBytes: readBytes, totalBytes });
    },
    signal,
  );
  return { readPacks: chosen.length, readBytes };
}
