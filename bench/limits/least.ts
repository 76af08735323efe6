import type { SetName } from '../data/index.ts';

/** MB (or files) a second that all cores do together, by the stage's name. */
export type Rates = ReadonlyMap<string, number>;

/** A set as the stages meet it. `packed`: the part of its bytes that is left when it is compressed. */
interface Load {
  set: SetName;
  megabytes: number;
  files: number;
  packed: number;
  zstd: string;
  unzstd: string;
}

const loads: readonly Load[] = [
  {
    set: 'random',
    megabytes: 2147,
    files: 1,
    packed: 1,
    zstd: 'zstd level 3 of random bytes, MB/s',
    // Stored as it is: nothing is unpacked.
    unzstd: '',
  },
  {
    set: 'text',
    megabytes: 999,
    files: 1,
    packed: 0.3,
    zstd: 'zstd level 3 of SQL, MB/s',
    unzstd: 'zstd, unpacking SQL, MB/s',
  },
  {
    set: 'trees',
    megabytes: 2143,
    files: 46_000,
    packed: 0.36,
    zstd: 'zstd level 3 of sources, MB/s',
    unzstd: 'zstd, unpacking sources, MB/s',
  },
];

export interface Least {
  set: SetName;
  what: 'snapshot' | 'restore';
  seconds: number;
}

/**
 * How long a snapshot and a restore of each set take at the very least, if every core did nothing but the stages that
 * cannot be left out, each at its measured rate: no start, no waiting, no memory copied, nothing written down.
 */
export function leastTimes(rates: Rates): Least[] {
  return loads.flatMap(({ set, megabytes, files, packed, zstd, unzstd }) => {
    const seconds = (stage: string, amount: number): number =>
      stage === '' ? 0 : amount / (rates.get(stage) ?? NaN);
    const [plainMb, packedMb] = [megabytes, megabytes * packed];
    const unpacking = seconds(unzstd, plainMb);
    const ciphers = seconds('AES-256-CTR, MB/s', packedMb) + seconds('Poly1305, MB/s', packedMb);
    const snapshot = [
      seconds('lstat, files/s', files),
      seconds('open, read 4 KiB, close, files/s', files),
      seconds('reading a file, MB/s', plainMb),
      seconds('cutting, MB/s', plainMb),
      seconds('SHA-256, MB/s', plainMb),
      seconds(zstd, plainMb),
      ciphers,
      // What was sealed is opened again, as proof, and held against a checksum.
      ciphers + unpacking + 2 * seconds('CRC-32, MB/s', plainMb),
      seconds('SHA-256, MB/s', packedMb),
      seconds('writing a file, MB/s', packedMb),
    ];
    const restore = [
      seconds('reading a file, MB/s', packedMb),
      ciphers,
      unpacking,
      seconds('SHA-256, MB/s', plainMb),
      seconds('create, write 4 KiB, close, files/s', files),
      seconds('writing a file, MB/s', plainMb),
    ];
    const sum = (times: readonly number[]): number => times.reduce((total, one) => total + one, 0);
    return [
      { set, what: 'snapshot', seconds: sum(snapshot) },
      { set, what: 'restore', seconds: sum(restore) },
    ];
  });
}
