import * as z from 'zod';
import { RelocateError } from '../errors.ts';
import { silent, type Emit } from '../events.ts';
import type { Storage } from '../storage/storage.ts';
import type { MasterKey } from './crypto.ts';
import { damaged, loadDocument } from './document.ts';
import type { Id, Snapshot, StoredSnapshot } from './types.ts';

const hexId = z.string().regex(/^[0-9a-f]{64}$/);
const texts = z.array(z.string()).nullish();
const count = z.number().default(0);
/** Older versions of restic write fewer of these. */
const summaryJson = z.object({
  backup_start: z.string().default(''),
  backup_end: z.string().default(''),
  files_new: count,
  files_changed: count,
  files_unmodified: count,
  dirs_new: count,
  dirs_changed: count,
  dirs_unmodified: count,
  data_blobs: count,
  tree_blobs: count,
  data_added: count,
  data_added_packed: count,
  total_files_processed: count,
  total_bytes_processed: count,
});
/** The fields the program relies on. Others, of restic or of a later version, are left out, not refused. */
const snapshotJson = z.object({
  time: z.string().refine((time) => !Number.isNaN(Date.parse(time))),
  tree: hexId,
  parent: hexId.nullish(),
  paths: texts,
  tags: texts,
  hostname: z.string().nullish(),
  username: z.string().nullish(),
  uid: z.number().nullish(),
  gid: z.number().nullish(),
  excludes: texts,
  original: hexId.nullish(),
  program_version: z.string().nullish(),
  summary: summaryJson.nullish(),
});

type Place = { storage: Storage; key: MasterKey };

interface ListedSnapshot {
  name: Id;
  sizeBytes?: number;
}

async function loadSnapshot(place: Place, file: ListedSnapshot): Promise<StoredSnapshot> {
  return parseSnapshot(await loadSnapshotDocument(place, file), file.name);
}

/**
 * The document as it stands there, with Go's nulls, and with fields of restic or of a later version that the program
 * does not know.
 */
export async function loadSnapshotDocument({ storage, key }: Place, file: ListedSnapshot): Promise<Snapshot> {
  const document = await loadDocument(storage, key, { type: 'snapshot', ...file });
  if (!isSnapshot(document)) throw damaged(`snapshot ${file.name.slice(0, 8)}`);
  return document;
}

const isSnapshot = (document: unknown): document is Snapshot => snapshotJson.safeParse(document).success;

function parseSnapshot(document: unknown, id: Id): StoredSnapshot {
  const parsed = snapshotJson.safeParse(document);
  if (!parsed.success) throw damaged(`snapshot ${id.slice(0, 8)}`, parsed.error);
  const { time, tree, paths, ...optional } = parsed.data;
  const present = Object.entries(optional).filter(([, value]) => value !== null && value !== undefined);
  return { id, time, tree, paths: paths ?? [], ...Object.fromEntries(present) };
}

/** Snapshots that carry all of `tags` and none of `withoutTags`. */
export type SnapshotFilter = { tags?: readonly string[]; withoutTags?: readonly string[] };

export async function listSnapshots(
  place: Place,
  filter: SnapshotFilter = {},
  emit: Emit = silent,
): Promise<StoredSnapshot[]> {
  return loadAll(place, filter, (error, name) => {
    emit({ type: 'warning', code: 'snapshot-unreadable', message: error.message, item: name });
  });
}

/** Oldest first. A snapshot that is removed between the listing and the reading is none. */
async function loadAll(
  place: Place,
  filter: SnapshotFilter,
  onUnreadable: (error: RelocateError, name: Id) => void,
): Promise<StoredSnapshot[]> {
  const found: StoredSnapshot[] = [];
  for (const file of await place.storage.list('snapshot')) {
    try {
      found.push(await loadSnapshot(place, file));
    } catch (error) {
      if (!(error instanceof RelocateError)) throw error;
      if (error.facts['missing'] !== true) onUnreadable(error, file.name);
    }
  }
  return found.filter((snapshot) => matches(snapshot, filter)).toSorted(byTime);
}

export function matches(
  { tags: own = [] }: StoredSnapshot,
  { tags = [], withoutTags = [] }: SnapshotFilter,
): boolean {
  return tags.every((tag) => own.includes(tag)) && !withoutTags.some((tag) => own.includes(tag));
}

/** JavaScript's dates end at milliseconds; the digits in the text decide between two of the same. */
export function byTime(a: StoredSnapshot, b: StoredSnapshot): number {
  return Date.parse(a.time) - Date.parse(b.time) || fractionOf(a) - fractionOf(b);
}

function fractionOf({ time }: StoredSnapshot): number {
  return Number(/\.\d+/.exec(time)?.[0] ?? 0);
}

export async function findSnapshot(
  place: Place,
  name: string,
  filter: SnapshotFilter = {},
): Promise<StoredSnapshot> {
  if (name === 'latest') {
    const latest = (await loadAll(place, filter, refuseLatest)).at(-1);
    if (!latest) throw noSnapshotYet();
    return latest;
  }
  assertSnapshotName(name);
  const files = (await place.storage.list('snapshot')).filter((file) => file.name.startsWith(name));
  const [only, ...others] = files;
  if (only === undefined) return findByOriginal(await loadAll(place, filter, () => {}), name);
  if (others.length > 0) throw ambiguous(name, files.length);
  return loadSnapshot(place, only);
}

/** Reports and other copies speak of a snapshot by the ID that it had where it was made. */
function findByOriginal(snapshots: readonly StoredSnapshot[], name: string): StoredSnapshot {
  const found = snapshots.filter(({ original }) => original?.startsWith(name));
  const [only, ...others] = found;
  if (only === undefined) throw noSuchSnapshot(name);
  if (others.length > 0) throw ambiguous(name, found.length);
  return only;
}

export function assertSnapshotName(name: string): void {
  if (!/^[0-9a-f]{1,64}$/.test(name)) throw missing(name, `“${name}” is no snapshot ID.`);
}

export const noSnapshotYet = (): RelocateError => missing('latest', 'There is no snapshot yet.');

export const noSuchSnapshot = (name: string): RelocateError => missing(name, `There is no snapshot ${name}.`);

export const ambiguous = (name: string, count: number): RelocateError =>
  missing(name, `${count} snapshots begin with ${name}. Give more digits.`);

function missing(name: string, message: string): RelocateError {
  return new RelocateError('snapshot-missing', message, {
    facts: { snapshot: name },
    hint: 'See which there are with: relocate snapshots',
  });
}

/** The one that cannot be read may be the newest: an older one is not passed off as it. */
export function refuseLatest(error: RelocateError, name: Id): never {
  throw new RelocateError(
    error.code,
    `Which snapshot is the latest cannot be told: ${name.slice(0, 8)} cannot be read.`,
    {
      facts: { snapshot: name },
      hint: 'Name the one you want by its ID. See which can be read with: relocate snapshots',
      cause: error,
    },
  );
}
