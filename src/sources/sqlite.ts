import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { RelocateError, systemCodeOf, type ErrorCode } from '../errors.ts';
import { withCopy } from './sqlite-copy.ts';
import { readSqliteFacts, type SqliteContent } from './sqlite-facts.ts';
import type {
  Captured,
  CaptureSlot,
  Destination,
  Fingerprint,
  PreparedCapture,
  RestoreContext,
  SavedSource,
  Source,
  SourceContext,
} from './source.ts';

const file = z.string().min(1, { error: 'must name the database file' }).describe('The database file.');
const options = z.union([file, z.strictObject({ path: file })]);

type SqliteOptions = z.infer<typeof options>;

/** The database's name in its folder of the snapshot. */
const savedName = 'database.sqlite';
const busyTimeoutMs = 15_000;

/** An SQLite database that may be in use, in any journal mode. */
export const sqlite: Source<SqliteOptions> = {
  kind: 'sqlite',
  summary: 'An SQLite database file, also while it is in use.',
  options,
  prepare,
  restore: async (saved, destination, context) => restoreFile(saved, pathOf(destination), context),
  fingerprint: async (_saved, destination, { signal }) => fingerprintFile(pathOf(destination), signal),
  byHand: (saved) => [`cp ${saved.path.slice(1)}/${savedName} WHERE-THE-APP-LOOKS-FOR-IT`],
};

/**
 * Pins the moment by a read transaction: with a write-ahead log writers go on unseen, with a rollback journal they wait
 * until the copy is made.
 */
async function prepare(options: SqliteOptions, context: SourceContext): Promise<PreparedCapture> {
  const source = path.resolve(context.folder, typeof options === 'string' ? options : options.path);
  const database = await openDatabase(source, 'source-failed');
  const close = (): void => {
    if (database.isOpen) database.close();
  };
  try {
    database.exec('BEGIN');
    // Only the first read begins the transaction.
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
  } catch (error) {
    close();
    throw failure(error, source, 'source-failed');
  }
  return {
    capture: (slot) => capture(source, database, close, slot, context),
    release: async () => close(),
  };
}

/**
 * The file itself cannot be streamed: a page may change between two reads, and the newest ones are in the log beside it.
 * SQLite's own copy is right. Holding the pinned transaction for as long as a slow repository takes, instead of copying,
 * would let that log grow without bound, or writers wait.
 */
async function capture(
  source: string,
  database: DatabaseSync,
  letGo: () => void,
  slot: CaptureSlot,
  { signal }: SourceContext,
): Promise<Captured> {
  const takenAt = new Date().toISOString();
  const { mode } = await stat(source);
  try {
    return await withCopy(database, signal, async (copy) => {
      letGo();
      const { facts, rows } = await inspect(copy, source, signal);
      const { sizeBytes } = await slot.addFile(savedName, createReadStream(copy));
      return {
        sizeBytes,
        items: rows,
        fingerprint: { takenAt, facts },
        tools: { sqlite: process.versions['sqlite'] ?? 'unknown' },
        details: { mode: mode & 0o777 },
        problems: [],
      };
    });
  } catch (error) {
    signal.throwIfAborted();
    throw failure(error, source, 'source-failed');
  }
}

async function inspect(copy: string, source: string, signal: AbortSignal): Promise<SqliteContent> {
  const database = await openDatabase(copy, 'source-failed');
  try {
    const content = await readSqliteFacts(database, signal);
    if (content.integrity === 'ok') return content;
    throw new RelocateError(
      'source-failed',
      `The SQLite database ${source} is damaged: ${content.integrity}`,
      {
        facts: { path: source },
        hint: 'Older snapshots are untouched. "sqlite3 FILE .recover" may save what is left of it.',
      },
    );
  } finally {
    database.close();
  }
}

const savedDetails = z.object({ mode: z.int().min(0).max(0o777) });

/** Written beside its place and renamed, so that a restore killed half-way leaves nothing that looks like the database. */
async function restoreFile(
  { details }: SavedSource,
  target: string,
  { saved, signal }: RestoreContext,
): Promise<void> {
  const { mode } = savedDetails.parse(details);
  const unfinished = `${target}.unfinished`;
  try {
    await mkdir(path.dirname(target), { recursive: true });
    await pipeline(saved.read(savedName), createWriteStream(unfinished, { mode: 0o600, flush: true }), {
      signal,
    });
    await chmod(unfinished, mode);
    // Logs of an earlier try would be played into the new file.
    for (const suffix of ['-wal', '-shm', '-journal']) await rm(`${target}${suffix}`, { force: true });
    await rename(unfinished, target);
    await syncFolder(path.dirname(target));
  } catch (error) {
    await rm(unfinished, { force: true });
    signal.throwIfAborted();
    throw failure(error, target, 'restore-failed');
  }
}

/** A new name survives a power cut once its folder is written down. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function fingerprintFile(target: string, signal: AbortSignal): Promise<Fingerprint> {
  const takenAt = new Date().toISOString();
  const database = await openDatabase(target, 'verify-failed');
  try {
    return { takenAt, facts: (await readSqliteFacts(database, signal)).facts };
  } catch (error) {
    signal.throwIfAborted();
    throw failure(error, target, 'verify-failed');
  } finally {
    database.close();
  }
}

async function openDatabase(place: string, code: ErrorCode): Promise<DatabaseSync> {
  const { DatabaseSync } = await import('node:sqlite');
  try {
    if (!(await stat(place)).isFile()) throw new Error('it is not a file');
    return new DatabaseSync(place, { readOnly: true, timeout: busyTimeoutMs });
  } catch (error) {
    throw failure(error, place, code);
  }
}

/** SQLite's result codes: https://www.sqlite.org/rescode.html */
const explanations: Record<number, { says: string; hint: string }> = {
  5: {
    says: 'is kept locked by another process',
    hint: 'Run this again when its long write is over. Nothing was changed.',
  },
  11: {
    says: 'is damaged',
    hint: 'Older snapshots are untouched. "sqlite3 FILE .recover" may save what is left of it.',
  },
  26: {
    says: 'is not an SQLite database (or an encrypted one)',
    hint: 'Correct the path, or capture the file as it is with: files. Nothing was changed.',
  },
};

function failure(error: unknown, place: string, code: ErrorCode): RelocateError {
  if (error instanceof RelocateError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const known = codes(error);
  if (known.name === 'ENOENT') {
    return new RelocateError(code, `There is no SQLite database ${place}.`, {
      facts: { path: place },
      hint: 'Correct the path in relocate.yaml; it is relative to that file. Nothing was changed.',
      cause: error,
    });
  }
  if (known.name === 'ENOSPC' || known.result === 13) {
    return new RelocateError('disk-full', `There is no room left for a copy of ${place}.`, {
      facts: { path: place },
      hint: 'Make room, or name a roomier folder for temporary files in TMPDIR, and run this again.',
      cause: error,
    });
  }
  const explained = known.result === undefined ? undefined : explanations[known.result];
  return new RelocateError(code, `The SQLite database ${place} ${explained?.says ?? `failed: ${reason}`}.`, {
    facts: { path: place, reason },
    hint: explained?.hint ?? 'Nothing was changed. See the reason above.',
    retryable: known.result === 5,
    cause: error,
  });
}

function codes(error: unknown): { name: string | undefined; result: number | undefined } {
  if (typeof error !== 'object' || error === null) return { name: undefined, result: undefined };
  return {
    name: systemCodeOf(error),
    // The low byte is the primary code.
    result: 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined,
  };
}

function pathOf(destination: Destination): string {
  if (destination.kind === 'path') return destination.path;
  throw new RelocateError('internal', 'An SQLite database was to be restored to a database server.');
}
