import { RelocateError } from '../../src/errors.ts';
import type { FileType, Storage, StorageFile } from '../../src/storage/storage.ts';

/** What goes wrong: with which call, on which kind of file, from the how-manieth on, how often, and how. */
export interface Fault {
  call: 'save' | 'load' | 'size' | 'list' | 'remove';
  /** Any type where it is left out. */
  type?: FileType;
  /** The first call that goes wrong, counted from 1. */
  nth?: number;
  /** So many calls in a row; all that follow where it is left out. */
  times?: number;
  /**
   * `fail`, `disk-full`: an error, and nothing happens. `fail-after`: it happens, and then an error.
   * `truncate`, `flip`, `forget`: a save that is acknowledged but keeps half, a wrong bit, nothing;
   * a load that gives half, a wrong bit.
   */
  how: 'fail' | 'fail-after' | 'disk-full' | 'truncate' | 'flip' | 'forget';
}

export interface FaultyStorage extends Storage {
  /** What was asked of it, in order, as `save pack`. */
  readonly calls: readonly string[];
  /** From now on these are the faults; counting begins anew. */
  setFaults(faults: readonly Fault[]): void;
}

/** Any storage, with faults that come when they are told to. */
export function faultyStorage(inner: Storage, faults: readonly Fault[] = []): FaultyStorage {
  const calls: string[] = [];
  let armed = faults.map((fault) => ({ ...fault, seen: 0 }));

  function faultOf(call: Fault['call'], type: FileType): Fault['how'] | undefined {
    calls.push(`${call} ${type}`);
    let how: Fault['how'] | undefined;
    for (const fault of armed) {
      if (fault.call !== call || (fault.type ?? type) !== type) continue;
      fault.seen += 1;
      const since = fault.seen - (fault.nth ?? 1);
      if (since >= 0 && since < (fault.times ?? Infinity)) how ??= fault.how;
    }
    return how;
  }

  /** Throws what the fault says before the call, or gives what is to be done to the call. */
  async function around<T>(
    call: Fault['call'],
    type: FileType,
    work: (how?: Fault['how']) => Promise<T>,
  ): Promise<T> {
    const how = faultOf(call, type);
    if (how === 'fail') throw failed(call, type);
    if (how === 'disk-full')
      throw new RelocateError('disk-full', `The disk that holds ${inner.url} is full.`);
    const result = await work(how);
    if (how === 'fail-after') throw failed(call, type);
    return result;
  }

  return {
    url: inner.url,
    calls,
    setFaults(next) {
      armed = next.map((fault) => ({ ...fault, seen: 0 }));
    },
    initialise: () => inner.initialise(),
    save: (file: StorageFile, content) =>
      around('save', file.type, async (how) => {
        if (how === 'forget') return;
        await inner.save(file, how === undefined ? content : [damage(Buffer.concat(content), how)]);
      }),
    load: (file, range) =>
      around('load', file.type, async (how) => damage(await inner.load(file, range), how)),
    size: (file) => around('size', file.type, () => inner.size(file)),
    list: (type) => around('list', type, () => inner.list(type)),
    remove: (file) => around('remove', file.type, () => inner.remove(file)),
    close: () => inner.close(),
  };
}

/** Half of the bytes, or all of them with one bit in the middle turned over. */
export function damage(bytes: Buffer, how: Fault['how'] | undefined): Buffer {
  const middle = Math.floor(bytes.length / 2);
  if (how === 'truncate') return bytes.subarray(0, middle);
  if (how !== 'flip') return bytes;
  const flipped = Buffer.from(bytes);
  flipped[middle] = (flipped[middle] ?? 0) ^ 0x10;
  return flipped;
}

function failed(call: string, type: FileType): RelocateError {
  return new RelocateError('storage-failed', `The storage failed: ${call} of a file of type ${type}.`, {
    facts: { injected: true },
  });
}
