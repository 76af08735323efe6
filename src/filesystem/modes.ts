/** POSIX modes and Go's FileMode, which restic stores: same permissions, other bits for everything else (io/fs). */

const typeMask = 0o170000;

export const posixTypes = {
  fifo: 0o010000,
  chardev: 0o020000,
  dir: 0o040000,
  dev: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;

export type FileType = keyof typeof posixTypes;

const typeByBits = new Map<number, FileType>([
  [posixTypes.fifo, 'fifo'],
  [posixTypes.chardev, 'chardev'],
  [posixTypes.dir, 'dir'],
  [posixTypes.dev, 'dev'],
  [posixTypes.file, 'file'],
  [posixTypes.symlink, 'symlink'],
  [posixTypes.socket, 'socket'],
]);

const goTypeBits: Record<FileType, number> = {
  file: 0,
  dir: 2 ** 31,
  symlink: 2 ** 27,
  dev: 2 ** 26,
  chardev: 2 ** 26 + 2 ** 21,
  fifo: 2 ** 25,
  socket: 2 ** 24,
};

/** Set-user-ID, set-group-ID, sticky: POSIX's bit and Go's. */
const specialBits = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20],
] as const;

/** Undefined for what no POSIX system should have. */
export function fileType(posixMode: number): FileType | undefined {
  return typeByBits.get(posixMode & typeMask);
}

export function toGoMode(posixMode: number, type: FileType): number {
  let mode = (posixMode & 0o777) + goTypeBits[type];
  for (const [posix, go] of specialBits) if ((posixMode & posix) !== 0) mode += go;
  return mode;
}

/** Permissions with set-ID and sticky bits; no type. */
export function toPosixPermissions(goMode: number): number {
  let mode = goMode & 0o777;
  for (const [posix, go] of specialBits) if ((goMode & go) !== 0) mode |= posix;
  return mode;
}
