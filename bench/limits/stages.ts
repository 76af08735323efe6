import { createCipheriv, hash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, crc32, zstdCompressSync } from 'node:zlib';
import { chunkerTables, maxChunkBytes, minChunkBytes } from '../../src/repository/chunker.ts';
import { createCutFinder } from '../../src/repository/kernels.ts';
import { randomPolynomial } from '../../src/repository/polynomial.ts';
import { loadPrimitives } from '../../src/repository/primitives.ts';
import { fillRandom } from '../data/random.ts';
import { fillSource, fillSql } from '../data/text.ts';

/** What a blob of a large file usually is, and a file of a source tree. */
const blobBytes = 1.5 * 1024 * 1024;
const smallBytes = 4096;
/** Each stage goes through this much again and again: more than caches hold. */
const blobs = 24;
const measuredMs = 300;
const tries = 3;

type Work = { bytes: number; run: (index: number) => void; end?: () => void };

function filled(fill: (buffer: Buffer, seed: number) => void): Buffer[] {
  return Array.from({ length: blobs }, (_, seed) => {
    const blob = Buffer.allocUnsafeSlow(blobBytes);
    fill(blob, seed);
    return blob;
  });
}

const at = (list: readonly Buffer[], index: number): Buffer => list[index % list.length] ?? Buffer.alloc(0);

const zstd = (fill: typeof fillSql, level: number) => (): Work => {
  const content = filled(fill);
  const params = { [constants.ZSTD_c_compressionLevel]: level };
  return { bytes: blobBytes, run: (index) => zstdCompressSync(at(content, index), { params }) };
};

const unzstd = (fill: typeof fillSql) => (): Work => {
  const packed = filled(fill).map((blob) => zstdCompressSync(blob));
  const room = Buffer.alloc(blobBytes);
  const primitives = loadPrimitives();
  return { bytes: blobBytes, run: (index) => void primitives.decompress(at(packed, index), room) };
};

function temporaryFolder(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'relocate-limits-'));
}

function writing(): Work {
  const folder = temporaryFolder();
  const content = filled(fillRandom);
  let file = openSync(join(folder, 'file'), 'w');
  let written = 0;
  return {
    bytes: blobBytes,
    run(index) {
      writeSync(file, at(content, index));
      written += 1;
      if (written % 512 !== 0) return;
      closeSync(file);
      rmSync(join(folder, 'file'));
      file = openSync(join(folder, 'file'), 'w');
    },
    end() {
      closeSync(file);
      rmSync(folder, { recursive: true });
    },
  };
}

function reading(): Work {
  const folder = temporaryFolder();
  const path = join(folder, 'file');
  writeFileSync(path, Buffer.concat(filled(fillRandom)));
  const file = openSync(path, 'r');
  const room = Buffer.alloc(blobBytes);
  return {
    bytes: blobBytes,
    run: (index) => readSync(file, room, 0, blobBytes, (index % blobs) * blobBytes),
    end() {
      closeSync(file);
      rmSync(folder, { recursive: true });
    },
  };
}

/** `bytes` of 1e6: the rate is files a second. */
const oneFile = 1e6;

function smallFiles(use: (path: string, room: Buffer) => void, makeFirst: boolean) {
  return (): Work => {
    const folder = temporaryFolder();
    const paths = Array.from({ length: 4000 }, (_, index) => join(folder, String(index)));
    const room = Buffer.alloc(smallBytes);
    fillSource(room, 1);
    if (makeFirst) for (const path of paths) writeFileSync(path, room);
    return {
      bytes: oneFile,
      run: (index) => use(paths[index % paths.length] ?? '', room),
      end: () => rmSync(folder, { recursive: true }),
    };
  };
}

const stages: Readonly<Record<string, () => Work>> = {
  'copying memory, MB/s': () => {
    const content = filled(fillRandom);
    const room = filled(fillRandom);
    return { bytes: blobBytes, run: (index) => void at(content, index).copy(at(room, index)) };
  },
  'reading a file, MB/s': reading,
  'writing a file, MB/s': writing,
  'cutting, MB/s': () => {
    const finder = createCutFinder(maxChunkBytes, chunkerTables(randomPolynomial()));
    fillRandom(finder.buffer, 1);
    return {
      bytes: blobBytes,
      // No cut lies in most stretches; what is left of one that has a cut is gone through as well.
      run() {
        for (
          let from: number | undefined = minChunkBytes;
          from !== undefined && from < minChunkBytes + blobBytes;
        )
          from = finder.find(from + 1, minChunkBytes + blobBytes);
      },
    };
  },
  'SHA-256, MB/s': () => {
    const content = filled(fillRandom);
    return { bytes: blobBytes, run: (index) => void hash('sha256', at(content, index)) };
  },
  'CRC-32, MB/s': () => {
    const content = filled(fillRandom);
    return { bytes: blobBytes, run: (index) => void crc32(at(content, index)) };
  },
  'AES-256-CTR, MB/s': () => {
    const content = filled(fillRandom);
    const room = Buffer.alloc(blobBytes);
    const primitives = loadPrimitives();
    const [key, iv] = [Buffer.alloc(32, 1), Buffer.alloc(16, 2)];
    return { bytes: blobBytes, run: (index) => primitives.crypt(key, iv, at(content, index), room) };
  },
  'AES-256-CTR by node:crypto, MB/s': () => {
    const content = filled(fillRandom);
    const [key, iv] = [Buffer.alloc(32, 1), Buffer.alloc(16, 2)];
    return {
      bytes: blobBytes,
      run: (index) => void createCipheriv('aes-256-ctr', key, iv).update(at(content, index)),
    };
  },
  'Poly1305, MB/s': () => {
    const content = filled(fillRandom);
    const primitives = loadPrimitives();
    const key = Buffer.alloc(32, 3);
    return { bytes: blobBytes, run: (index) => void primitives.tag(key, at(content, index)) };
  },
  'zstd level 1 of random bytes, MB/s': zstd(fillRandom, 1),
  'zstd level 3 of random bytes, MB/s': zstd(fillRandom, 3),
  'zstd level 1 of SQL, MB/s': zstd(fillSql, 1),
  'zstd level 3 of SQL, MB/s': zstd(fillSql, 3),
  'zstd level 1 of sources, MB/s': zstd(fillSource, 1),
  'zstd level 3 of sources, MB/s': zstd(fillSource, 3),
  'zstd, unpacking SQL, MB/s': unzstd(fillSql),
  'zstd, unpacking sources, MB/s': unzstd(fillSource),
  'lstat, files/s': smallFiles((path) => lstatSync(path), true),
  'open, read 4 KiB, close, files/s': smallFiles((path, room) => {
    const file = openSync(path, 'r');
    readSync(file, room, 0, smallBytes, 0);
    closeSync(file);
  }, true),
  'create, write 4 KiB, close, files/s': smallFiles((path, room) => {
    rmSync(path, { force: true });
    const file = openSync(path, 'w');
    writeSync(file, room);
    closeSync(file);
  }, false),
};

export const limitNames = Object.keys(stages);

/** The best rate of a few tries: what the machine can do, and not what others left of it. */
export function measureLimit(name: string): number {
  const work = stages[name]?.();
  if (work === undefined) throw new Error(`no such stage: ${name}`);
  let best = 0;
  let index = 0;
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const startedAt = performance.now();
    let done = 0;
    let tookMs = 0;
    do {
      work.run((index += 1));
      done += 1;
      tookMs = performance.now() - startedAt;
    } while (tookMs < measuredMs);
    best = Math.max(best, (done * work.bytes) / 1e3 / tookMs);
  }
  work.end?.();
  return best;
}
