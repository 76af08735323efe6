import { RelocateError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { DiskSummary } from '../sources/source.ts';
import { showPath } from './paths.ts';
import { isSystemError } from './system-error.ts';

const progressEveryMs = 100;

/** What a restore has to tell: counts, problems, progress. */
export class RestoreReport {
  readonly summary = {
    files: 0,
    directories: 0,
    symlinks: 0,
    sizeBytes: 0,
    problems: [] as DiskSummary['problems'],
  };
  readonly #emit: Emit;
  #saidAt = 0;
  #doneBytes = 0;
  #foreignOwners = 0;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  problem(path: Buffer, reason: string): void {
    this.summary.problems.push({ path: showPath(path), reason });
  }

  /** True if it worked. What is the file's own trouble is listed, anything else is thrown. */
  attempt(path: Buffer, work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      this.problem(path, reasonOf(error));
      return false;
    }
  }

  /** Whether a file belongs now to whom the snapshot says. */
  owner(isRight: boolean): void {
    if (!isRight) this.#foreignOwners += 1;
  }

  sayOwners(): void {
    if (this.#foreignOwners === 0) return;
    this.#emit({
      type: 'warning',
      code: 'owners-not-restored',
      message: `${this.#foreignOwners} files and folders belong to you now: only root can give them back to their owners.`,
    });
  }

  progress(bytes: number, path: Buffer): void {
    this.#doneBytes += bytes;
    const now = Date.now();
    if (now - this.#saidAt < progressEveryMs) return;
    this.#saidAt = now;
    this.#emit({
      type: 'progress',
      phase: 'restore',
      file: showPath(path),
      doneBytes: this.#doneBytes,
      doneItems: this.summary.files,
    });
  }
}

const noRoom = new Set(['ENOSPC', 'EDQUOT']);

/** In words, if it is the trouble of one file; thrown on otherwise: without room nothing else would work either. */
export function reasonOf(error: unknown): string {
  if (error instanceof RelocateError && error.code === 'repository-damaged') return error.message;
  if (isSystemError(error) && !noRoom.has(error.code ?? '')) return error.message;
  throw error;
}

/** An error of the whole restore in words for a person. */
export function explain(error: unknown, target: string): unknown {
  if (!isSystemError(error)) return error;
  if (noRoom.has(error.code ?? '')) {
    return new RelocateError('disk-full', `The disk of ${target} is full.`, {
      facts: { target },
      hint: 'What was restored so far is whole and stays; the snapshot is untouched. Make room and run the same command again: it goes on where it stopped.',
      cause: error,
    });
  }
  return new RelocateError('restore-failed', `${target} cannot be written: ${error.message}.`, {
    facts: { target },
    hint: 'The snapshot is untouched. Choose another --target, or mend this one and run the same command again.',
    cause: error,
  });
}
