/**
 * Paths are raw bytes, for file systems know no encoding: a Buffer, or, where many are handled, text with one character
 * for each byte (latin1), which sorts the same and costs far less.
 */
export type RawText = string;

const slash = 0x2f;

export function joinPath(folder: Buffer, name: Buffer): Buffer {
  const path = Buffer.allocUnsafe(folder.length + 1 + name.length);
  folder.copy(path);
  path[folder.length] = slash;
  name.copy(path, folder.length + 1);
  return path;
}

export const toRaw = (path: Buffer): RawText => path.toString('latin1');
export const fromRaw = (path: RawText): Buffer => Buffer.from(path, 'latin1');

/** For messages: bytes that are no UTF-8 are shown as such instead of vanishing. */
export function showPath(path: Buffer): string {
  const text = path.toString();
  return text.includes('\ufffd') ? toRaw(path).replace(/[\x80-\xff]/g, toHex) : text;
}

const toHex = (char: string): string => `\\x${char.charCodeAt(0).toString(16)}`;

/** The names in a path of the snapshot, e.g. `/data/db`. */
export function splitSnapshotPath(path: string): Buffer[] {
  return path
    .split('/')
    .filter((name) => name !== '' && name !== '.')
    .map((name) => Buffer.from(name));
}
