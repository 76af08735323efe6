import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { saveIndex } from '../../src/repository/index-files.ts';
import type { PackedBlob } from '../../src/repository/pack.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { seeded } from '../support/random.ts';

const blobs = 2_000_000;
const blobsPerPack = 100;
const blobsPerIndex = 50_000;

test('an index of 2 million blobs loads in under 200 MiB, and a check of it takes little more', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relocate-index-memory-'));
  try {
    const storage = new LocalStorage(folder);
    await storage.initialise();
    const key = { encrypt: Buffer.alloc(32, 7), macK: Buffer.alloc(16, 7), macR: Buffer.alloc(16, 7) };
    const random = seeded(2_000_000);
    for (let saved = 0; saved < blobs; saved += blobsPerIndex) {
      const packs = new Map<string, PackedBlob[]>();
      for (let at = 0; at < blobsPerIndex; at += blobsPerPack)
        packs.set(idFrom(random.bytes(32)), madeUp(random));
      await saveIndex(storage, key, packs, 2);
    }
    // A process of its own, of the compiled program: this one holds the tests and what compiles them.
    const child = fileURLToPath(new URL('../support/load-index.js', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [child, folder], {
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    const told = JSON.parse(stdout) as Record<'blobs' | 'loaded' | 'checked' | 'errors', number>;
    expect(told.blobs).toBe(blobs);
    expect(told.loaded).toBeLessThan(200);
    // None of the packs is there, and not all of them are named.
    expect(told.errors).toBe(10_001);
    // 222 on a quiet machine, 230 on a busy one, where garbage waits longer.
    expect(told.checked).toBeLessThan(250);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 300_000);

function madeUp(random: ReturnType<typeof seeded>): PackedBlob[] {
  const bytes = random.bytes(32 * blobsPerPack);
  return Array.from({ length: blobsPerPack }, (_, at) => ({
    id: idFrom(bytes.subarray(at * 32, at * 32 + 32)),
    type: at % 10 === 0 ? 'tree' : 'data',
    offset: at * 160_000,
    length: 160_000,
    uncompressedLength: 400_000 + at,
  }));
}

const idFrom = (bytes: Buffer): string => bytes.toString('hex');
