import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { tarOf, type PackedFile } from './tar.ts';

/** Archives that nobody asked for this long are of other versions of the program. */
const keptMs = 30 * 86_400_000;

/**
 * Files as a compressed archive, ready to be sent. Packing Node takes seconds of both cores, so the archive is kept in
 * the user's cache folder under `name`, which must change with the content. Where it cannot be kept, it is made anew.
 */
export async function packedArchive(name: string, files: readonly PackedFile[]): Promise<() => Readable> {
  const folder = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'relocate', 'packed');
  const path = join(folder, `${name}.tar.gz`);
  const draft = `${path}.${process.pid}.new`;
  try {
    if (!existsSync(path)) {
      await removeOld(folder);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await pipeline(pack(files), createWriteStream(draft, { mode: 0o600, flush: true }));
      await rename(draft, path);
    }
    const now = new Date();
    await utimes(path, now, now);
    return () => createReadStream(path, { highWaterMark: 1024 * 1024 });
  } catch {
    await rm(draft, { force: true }).catch(() => {});
    return () => pack(files);
  }
}

function pack(files: readonly PackedFile[]): Readable {
  const packed = createGzip({ level: 1, chunkSize: 256 * 1024 });
  void pipeline(Readable.from(tarOf(files)), packed).catch(() => {});
  return packed;
}

async function removeOld(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
    if (Date.now() - mtimeMs > keptMs) await rm(path, { force: true });
  }
}
