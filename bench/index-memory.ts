import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { blobsPerIndex, saveIndex } from '../src/repository/index-files.ts';
import { unlockMaster } from '../src/repository/key.ts';
import type { PackedBlob } from '../src/repository/pack.ts';
import { openStorage } from '../src/storage/index.ts';
import { freshSurroundings, measure, run } from './measure.ts';
import { findPeers, password, preparePeer } from './peers.ts';
import { openPlace } from './places.ts';
import { memoryFolder, print } from './support.ts';

/**
 * What a large repository's index costs: a snapshot of one small file into a repository whose index names millions of
 * blobs that were made up, against the same in one that holds nothing. What it takes above that is the index.
 */
const { values } = parseArgs({
  options: {
    blobs: { type: 'string', default: '2000000' },
    // A pack of 16 MiB holds about twelve blobs of large files, or hundreds of small ones: fewer are worse.
    'per-pack': { type: 'string', default: '12' },
  },
});
const blobs = Number(values.blobs);
const perPack = Number(values['per-pack']);

const id = (): string => randomBytes(32).toString('hex');

async function fillIndex(url: string): Promise<void> {
  const storage = await openStorage(url);
  const { master } = await unlockMaster(storage, password);
  for (let done = 0; done < blobs;) {
    const packs = new Map<string, PackedBlob[]>();
    for (let inIndex = 0; inIndex < blobsPerIndex && done < blobs; inIndex += perPack) {
      const pack = Array.from({ length: Math.min(perPack, blobs - done) }, (_, at): PackedBlob => {
        const length = 500_000 + Math.floor(Math.random() * 1_000_000);
        return { id: id(), type: 'data', offset: at * 1_500_000, length, uncompressedLength: length * 2 };
      });
      packs.set(id(), pack);
      done += pack.length;
    }
    await saveIndex(storage, master, packs, 2);
  }
  await storage.close();
}

const work = await mkdtemp(join(memoryFolder, 'relocate-bench-'));
try {
  const data = join(work, 'data');
  await mkdir(data);
  await writeFile(join(data, 'file'), 'one small file\n');
  const place = await openPlace('local', work);
  const { relocate: program } = findPeers(['relocate']);
  const results: { peakMib: number; seconds: number }[] = [];
  for (const isFull of [false, true]) {
    const own = await freshSurroundings(join(work, 'peer'));
    const relocate = await preparePeer('relocate', program, { place, folder: own, data });
    for (const command of relocate.init) await run(command, own);
    if (isFull) await fillIndex(place.url('relocate'));
    const { peakBytes, wallMs } = await measure(relocate.save, own);
    results.push({ peakMib: peakBytes / 1024 ** 2, seconds: wallMs / 1000 });
    await place.clear('relocate');
  }
  const [bare = { peakMib: 0, seconds: 0 }, full = bare] = results;
  print(
    `a snapshot of one small file, into an empty repository: ${bare.peakMib.toFixed(0)} MiB, ${bare.seconds.toFixed(1)} s`,
  );
  print(
    `the same, with ${blobs.toLocaleString('en')} blobs in the index: ${full.peakMib.toFixed(0)} MiB, ${full.seconds.toFixed(1)} s`,
  );
  print(`the index: ${(full.peakMib - bare.peakMib).toFixed(0)} MiB at its peak`);
} finally {
  await rm(work, { recursive: true, force: true });
}
