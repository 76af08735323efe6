import { setTimeout as sleep } from 'node:timers/promises';
import { RelocateError } from '../../src/errors.ts';
import type { FileType, Storage, StorageFile } from '../../src/storage/storage.ts';
import { damage } from './faulty-storage.ts';
import type { seeded } from './random.ts';

/** How often, of all calls, each thing happens: from 0 to 1. */
export interface Troubles {
  /** An error before anything happened; half of them are said to be worth another attempt. */
  fail: number;
  /** It happens, and then an error: the answer was lost. */
  failAfter: number;
  /** A read gives half of the bytes, or a wrong bit. */
  damage: number;
  /** The call is made twice, as by a proxy that tries again. */
  repeat: number;
  /** A full disk, which stays full for some calls. */
  full: number;
  /** Files that were saved in this run are not listed yet: by those who read only. */
  stale: number;
  /** The longest a call is held back; others overtake it. */
  delayMs: number;
}

export interface SeededStorage extends Storage {
  /** What went wrong so far, by name. */
  readonly happened: Map<string, number>;
  /** From now on lists may be old. */
  isReadOnly: boolean;
}

/** Any storage, with faults by chance, which a seed repeats as far as the order of calls is the same. */
export function seededStorage(
  inner: Storage,
  random: ReturnType<typeof seeded>,
  troubles: Troubles,
): SeededStorage {
  const happened = new Map<string, number>();
  const fresh = new Set<string>();
  let fullFor = 0;

  function happens(what: keyof Troubles): boolean {
    if (random.next() >= troubles[what]) return false;
    happened.set(what, (happened.get(what) ?? 0) + 1);
    return true;
  }

  const failed = (call: string, type: FileType) =>
    new RelocateError('storage-failed', `The storage failed: ${call} of a file of type ${type}.`, {
      facts: { injected: true },
      retryable: random.next() < 0.5,
    });

  async function around<T>(call: string, type: FileType, work: () => Promise<T>): Promise<T> {
    const heldMs = random.next() * troubles.delayMs;
    if (heldMs > 0) await sleep(heldMs);
    if (call === 'save') {
      if (fullFor === 0 && happens('full')) fullFor = 1 + random.int(20);
      if (fullFor > 0) {
        fullFor -= 1;
        throw new RelocateError('disk-full', `The disk that holds ${inner.url} is full.`);
      }
    }
    if (happens('fail')) throw failed(call, type);
    const results = happens('repeat') ? await Promise.all([work(), work()]) : [await work()];
    if (happens('failAfter')) throw failed(call, type);
    // Of two answers to one question the later one counts.
    // oxlint-disable-next-line no-unsafe-type-assertion -- one or two of them.
    return results.at(-1) as T;
  }

  const nameOf = ({ type, name }: StorageFile) => `${type} ${name}`;
  const storage: SeededStorage = {
    url: inner.url,
    happened,
    isReadOnly: false,
    initialise: () => inner.initialise(),
    save: (file, content) =>
      around('save', file.type, async () => {
        fresh.add(nameOf(file));
        await inner.save(file, content);
      }),
    load: (file, range) =>
      around('load', file.type, async () => {
        // Memory of the caller is not for two answers at once.
        const bytes = await inner.load(file, range && { offset: range.offset, length: range.length });
        return happens('damage') ? damage(bytes, random.next() < 0.5 ? 'flip' : 'truncate') : bytes;
      }),
    size: (file) => around('size', file.type, () => inner.size(file)),
    list: (type) =>
      around('list', type, async () => {
        const files = await inner.list(type);
        const isOld = storage.isReadOnly && type !== 'lock' && happens('stale');
        return isOld ? files.filter(({ name }) => !fresh.has(nameOf({ type, name }))) : files;
      }),
    remove: (file) => around('remove', file.type, () => inner.remove(file)),
    close: () => inner.close(),
  };
  return storage;
}
