import { Arena } from './arena.ts';
import { damaged } from './document.ts';
import { consume, type GiveBack } from './give-back.ts';
import type { BlobConsumer } from './open-pool.ts';
import type { Repository } from './repository.ts';
import { memoryOf } from './shared-bytes.ts';
import { programBeside } from './threads.ts';
import type { Id } from './types.ts';

type Reader = Pick<Repository, 'consumeBlobs' | 'loadBlob' | 'blobSize'>;

/** Content is read in stretches of about this length, several at once. */
const stretchBytes = 4 * 1024 * 1024;
/** Plaintext that was read ahead and not asked for yet. */
const aheadBytes = 32 * 1024 * 1024;

/** What is read on the spot: a README, a manifest. */
const littleBytes = 1024 * 1024;

const giveBack: BlobConsumer<GiveBack & { index: number }, boolean> = {
  module: programBeside(import.meta.url, 'give-back'),
  consume,
};

/** The blobs in order, opened in threads and read ahead. Throws `repository-damaged` for the first that is not whole. */
export async function* readContent(
  reader: Reader,
  content: readonly Id[],
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  const sizeBytes = content.reduce((sum, id) => sum + (reader.blobSize('data', id) ?? 0), 0);
  if (sizeBytes <= littleBytes) {
    for (const id of content) {
      signal?.throwIfAborted();
      yield await reader.loadBlob('data', id);
    }
    return;
  }
  // Each stream has memory of its own: one that nobody reads on from must not stop another.
  const arena = new Arena(aheadBytes);
  const ahead: Promise<Stretch>[] = [];
  const stretches = stretchesOf(reader, content);
  let waitingBytes = 0;
  const fill = () => {
    while (waitingBytes < aheadBytes) {
      const next = stretches.next();
      if (next.done === true) return;
      waitingBytes += next.value.sizeBytes;
      const stretch = readStretch(reader, arena, next.value, signal);
      stretch.catch(() => {});
      ahead.push(stretch);
    }
  };
  try {
    for (fill(); ahead.length > 0; fill()) {
      signal?.throwIfAborted();
      const { parts, sizeBytes, problem, release } = (await ahead.shift()) ?? emptyStretch;
      try {
        for (const part of parts) {
          signal?.throwIfAborted();
          yield Buffer.from(part);
        }
      } finally {
        release();
      }
      waitingBytes -= sizeBytes;
      if (problem !== undefined) throw problem.error;
    }
  } finally {
    // Those that are there make room for those that wait for it: without that, nobody would ever be done.
    await Promise.allSettled(ahead.map(async (stretch) => (await stretch).release()));
  }
}

interface Wanted {
  blobs: { id: Id; length: number; at: number }[];
  sizeBytes: number;
}

interface Stretch {
  parts: Buffer[];
  sizeBytes: number;
  /** Set where the stretch was not whole: the parts are those before the damage. */
  problem: { error: unknown } | undefined;
  release: () => void;
}

const emptyStretch: Stretch = { parts: [], sizeBytes: 0, problem: undefined, release: () => {} };

function* stretchesOf(reader: Reader, content: readonly Id[]): Generator<Wanted, void, void> {
  let wanted: Wanted = { blobs: [], sizeBytes: 0 };
  for (const id of content) {
    const length = reader.blobSize('data', id) ?? 0;
    if (wanted.sizeBytes > 0 && wanted.sizeBytes + length > stretchBytes) {
      yield wanted;
      wanted = { blobs: [], sizeBytes: 0 };
    }
    wanted.blobs.push({ id, length, at: wanted.sizeBytes });
    wanted.sizeBytes += length;
  }
  if (wanted.blobs.length > 0) yield wanted;
}

async function* once<T>(value: T): AsyncGenerator<T, void, void> {
  yield value;
}

async function readStretch(
  reader: Reader,
  arena: Arena,
  { blobs, sizeBytes }: Wanted,
  signal: AbortSignal | undefined,
): Promise<Stretch> {
  const slot = await arena.take(sizeBytes);
  const { bytes } = slot;
  const memory = memoryOf(bytes);
  const problems = new Map<number, unknown>();
  const orders = blobs.map(({ id, length, at }, index) => ({
    id,
    work: { memory, at: bytes.byteOffset + at, length, index },
  }));
  await reader.consumeBlobs(
    'data',
    once(orders),
    giveBack,
    {
      done: ({ index }, isThere) => {
        if (!isThere) problems.set(index, damaged(`blob ${blobs[index]?.id.slice(0, 8)}`));
      },
      failed: ({ index }, error) => void problems.set(index, error),
    },
    signal,
  );
  const [first] = [...problems].toSorted(([a], [b]) => a - b);
  const whole = first === undefined ? blobs : blobs.slice(0, first[0]);
  return {
    parts: whole.map(({ at, length }) => bytes.subarray(at, at + length)),
    sizeBytes,
    problem: first && { error: first[1] },
    release: () => slot.release(),
  };
}
