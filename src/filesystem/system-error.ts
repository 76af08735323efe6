import { systemCodeOf } from '../errors.ts';

/** Whether the system refused something; not a mistake of ours, nor trouble of the repository. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return (
    systemCodeOf(error) !== undefined && typeof error === 'object' && error !== null && 'syscall' in error
  );
}

/** A system error in words for a list of problems; the path stands beside it already. */
export function describeError(error: unknown): string {
  const words = errorWords.get(systemCodeOf(error) ?? '');
  return words ?? messageOf(error);
}

/** Also of an error that was made in another realm, as tests have them. */
export function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error
    ? String(error.message)
    : String(error);
}

const errorWords = new Map([
  ['ENOENT', 'it vanished while the folder was read'],
  ['ENOTDIR', 'it was replaced while the folder was read'],
  ['ELOOP', 'it was replaced by a symlink while the folder was read'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'operation not permitted'],
  ['EIO', 'the disk could not read it'],
  ['ENAMETOOLONG', 'its path is longer than the system can open'],
]);
