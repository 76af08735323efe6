import { hostname, userInfo } from 'node:os';
import { basename } from 'node:path';
import type { App, DataItem } from '../app/app.ts';
import { withTotal, type Emit } from '../events.ts';
import { createArchive, type Archive } from '../filesystem/archive.ts';
import type { Repository } from '../repository/repository.ts';
import type { SnapshotFilter } from '../repository/snapshots.ts';
import type { StoredSnapshot } from '../repository/types.ts';
import { runHook } from '../sources/hooks.ts';
import type { PreparedCapture, SavedSource, Source, SourceContext } from '../sources/source.ts';
import { version } from '../version.ts';
import { withSnapshotLock } from './app-lock.ts';
import { assertFloor } from './floor.ts';
import { encodeManifest, savedParts, snapshotPaths } from './manifest.ts';
import { itemsOf, type Item } from './snapshot-items.ts';
import { copyOutcomes, isEverywhere } from './snapshot-copies.ts';
import { capturedFolders } from './places.ts';
import { snapshotReadme } from './readme.ts';
import type { Manifest, SnapshotResult } from './types.ts';

export interface SnapshotInput {
  app: App;
  /** The text of relocate.yaml, as it stands on disk. */
  configText: string;
  repository: Repository;
  /** Where one that captures the app is known to others. */
  stateFolder: string;
  sourceOf: (kind: string) => Source;
  /** Whom a repository depends on, by its URL. */
  providerOf: (url: string) => string;
  /** Names of data entries to capture; undefined means all of them and the code. */
  only?: readonly string[] | undefined;
  /** Large files that are read at the same time. */
  readConcurrency?: number | undefined;
}

/** Tag of a snapshot that holds a part of the app only; `latest` never means one of those. */
export const partialTag = 'partial';

export const appTags = (app: string): string[] => ['relocate', `app=${app}`];

export const wholeSnapshotsOf = (app: string): SnapshotFilter => ({
  tags: appTags(app),
  withoutTags: [partialTag],
});

/** The newest readable snapshot of the whole app, or undefined. Those that cannot be read are told of. */
export async function newestSnapshot(
  repository: Repository,
  app: string,
  emit: Emit,
): Promise<StoredSnapshot | undefined> {
  return (await repository.snapshots(wholeSnapshotsOf(app), emit)).at(-1);
}

/**
 * Captures the app into one snapshot. Every source is pinned at one moment, then all stream into the repository side
 * by side. The snapshot is written last, so that a run that ends before it leaves nothing but unused blobs.
 * Throws `snapshot-busy`, `hook-failed`, `source-failed`, `source-empty`, and what the repository throws.
 */
export async function takeSnapshot(
  input: SnapshotInput,
  tools: { emit: Emit; signal: AbortSignal },
): Promise<SnapshotResult> {
  const { stateFolder } = input;
  return withSnapshotLock({ stateFolder, app: input.app.name }, () => takeAlone(input, tools));
}

async function takeAlone(
  input: SnapshotInput,
  { emit, signal }: { emit: Emit; signal: AbortSignal },
): Promise<SnapshotResult> {
  const startedAt = new Date();
  return input.repository.withLock('shared', { signal, startsAtOnce: true }, async (signal) => {
    const earlier = await input.repository.snapshots(wholeSnapshotsOf(input.app.name), emit);
    await input.repository.loadIndex();
    // What one copy lacks must be read again, so a parent that not all have would promise too much.
    const parent = earlier.findLast((snapshot) => isEverywhere(snapshot, input.repository));
    const archive = createArchive(input.repository, {
      ...(parent ? { parent } : {}),
      // An app is about as large as it was last time: good enough to say how long it will take.
      emit: withTotal(emit, input.only ? undefined : earlier.at(-1)?.summary?.total_bytes_processed),
      signal,
      readConcurrency: input.readConcurrency,
    });
    const { capturedAt, saved } = await captureAll(input, archive, { emit, signal });
    const manifest = describeApp(input.app, capturedAt, saved);
    emit({ type: 'phase-start', phase: 'store', title: 'storing the snapshot' });
    const storeStarted = Date.now();
    await addDocuments(input, archive, manifest);
    const { tree, summary } = await archive.finish();
    await input.repository.flush();
    signal.throwIfAborted();
    const stats = input.repository.stats();
    const finishedAt = new Date();
    const user = userInfo();
    const id = await input.repository.saveSnapshot({
      time: capturedAt,
      ...(parent ? { parent: parent.id } : {}),
      tree,
      paths: ['/'],
      hostname: hostname(),
      username: user.username,
      uid: user.uid,
      gid: user.gid,
      tags: [...appTags(input.app.name), ...(input.only ? [partialTag] : [])],
      program_version: `relocate ${version}`,
      summary: {
        backup_start: startedAt.toISOString(),
        backup_end: finishedAt.toISOString(),
        ...summary,
        data_blobs: stats.dataBlobs,
        tree_blobs: stats.treeBlobs,
        data_added: stats.addedBytes,
        data_added_packed: stats.addedPackedBytes,
      },
    });
    emit({ type: 'phase-end', phase: 'store', durationMs: Date.now() - storeStarted, outcome: 'done' });
    const all = savedParts(manifest);
    return {
      snapshot: id,
      time: capturedAt,
      repository: input.repository.url,
      durationMs: Date.now() - startedAt.getTime(),
      processedBytes: summary.total_bytes_processed,
      addedBytes: stats.addedBytes,
      addedPackedBytes: stats.addedPackedBytes,
      files: summary.total_files_processed,
      sources: all,
      problems: all.flatMap((source) =>
        source.problems.map((problem) => ({ source: source.name, ...problem })),
      ),
      copies: copyOutcomes(input, earlier),
    };
  });
}

async function captureAll(
  input: SnapshotInput,
  archive: Archive,
  { emit, signal }: { emit: Emit; signal: AbortSignal },
): Promise<{ capturedAt: string; saved: SavedSource[] }> {
  const items = itemsOf(input.app, input.only);
  // The first source that fails stops the others: hours of a dump are not spent on a snapshot that cannot be.
  const failure = new AbortController();
  const context = (entry: DataItem): SourceContext => ({
    name: entry.name,
    folder: input.app.folder,
    composeFile: input.app.services?.kind === 'compose' ? input.app.services.path : undefined,
    environment: input.app.environment,
    emit,
    signal: AbortSignal.any([signal, failure.signal]),
  });
  const hook = (entry: DataItem, command: string) =>
    runHook(command, {
      folder: input.app.folder,
      environment: input.app.environment,
      timeoutMs: entry.hooks?.timeoutMs ?? 60_000,
    });

  emit({
    type: 'phase-start',
    phase: 'capture',
    title: `capturing ${items.map((item) => item.entry.name).join(', ')}`,
  });
  const startedAt = Date.now();
  /** Entries whose service may be quiet now: their after-hooks run whatever happens, also after Ctrl-C. */
  const quieted: DataItem[] = [];
  const prepared: { item: Item; capture: PreparedCapture }[] = [];
  let capturedAt = '';
  const results = await settle(async () => {
    for (const { entry } of items) {
      if (entry.hooks?.before === undefined && entry.hooks?.after === undefined) continue;
      quieted.push(entry);
      if (entry.hooks.before !== undefined) await hook(entry, entry.hooks.before);
      signal.throwIfAborted();
    }
    await all(failure, items, async (item) => {
      const capture = await input.sourceOf(item.entry.kind).prepare(item.entry.options, context(item.entry));
      prepared.push({ item, capture });
    });
    capturedAt = new Date().toISOString();
    return await all(failure, prepared, ({ item, capture }) =>
      captureOne(item, capture, archive, input.app.folder),
    );
  });
  const releases = await Promise.allSettled(prepared.map(({ capture }) => capture.release()));
  const afters = await Promise.allSettled(
    quieted.flatMap((entry) => (entry.hooks?.after === undefined ? [] : [hook(entry, entry.hooks.after)])),
  );
  const failed = !results.ok || [...releases, ...afters].some((one) => one.status === 'rejected');
  emit({
    type: 'phase-end',
    phase: 'capture',
    durationMs: Date.now() - startedAt,
    outcome: failed ? 'failed' : 'done',
  });
  if (!results.ok) throw results.error;
  throwFirst([...afters, ...releases]);
  return { capturedAt, saved: results.value };
}

async function captureOne(
  { entry, path }: Item,
  capture: PreparedCapture,
  archive: Archive,
  folder: string,
): Promise<SavedSource> {
  const startedAt = new Date();
  const captured = await capture.capture(archive.slot(path));
  assertFloor(entry, captured, folder);
  return {
    ...captured,
    name: entry.name,
    kind: entry.kind,
    path,
    startedAt: startedAt.toISOString(),
    durationMs: Date.now() - startedAt.getTime(),
  };
}

function describeApp(app: App, capturedAt: string, saved: readonly SavedSource[]): Manifest {
  const images = saved.find((source) => source.path === snapshotPaths.images);
  return {
    manifestVersion: 1,
    relocateVersion: version,
    app: app.name,
    hostname: hostname(),
    capturedAt,
    folder: app.folder,
    services: app.services && {
      kind: app.services.kind,
      file: basename(app.services.path),
      names: app.services.services.map((service) => service.name),
    },
    sources: saved.filter(({ path }) => path !== snapshotPaths.code && path !== snapshotPaths.images),
    code: saved.find((source) => source.path === snapshotPaths.code),
    ...(images === undefined ? {} : { images }),
    folders: capturedFolders(app),
  };
}

async function addDocuments(input: SnapshotInput, archive: Archive, manifest: Manifest): Promise<void> {
  const byHand = new Map(
    savedParts(manifest).map((source) => [source.path, input.sourceOf(source.kind).byHand?.(source) ?? []]),
  );
  const variables = Object.entries(input.app.variables)
    .map(([name, { value }]) => `${name}=${JSON.stringify(value)}\n`)
    .join('');
  await archive.addFile(snapshotPaths.readme, snapshotReadme(manifest, byHand));
  await archive.addFile(snapshotPaths.manifest, encodeManifest(manifest));
  await archive.addFile(snapshotPaths.config, input.configText);
  await archive.addFile(snapshotPaths.variables, variables, { mode: 0o600 });
}

async function settle<T>(
  work: () => Promise<T>,
): Promise<{ ok: true; value: T } | { ok: false; error: unknown }> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, error };
  }
}

/**
 * Runs `work` on all items at once and waits for every one of them, so that nothing still writes behind the caller's
 * back. The first failure aborts the rest and is the one that is thrown.
 */
async function all<T, R>(
  failure: AbortController,
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  let first: { error: unknown } | undefined;
  const settled = await Promise.allSettled(
    items.map(async (item) => {
      try {
        return await work(item);
      } catch (error) {
        first ??= { error };
        failure.abort();
        throw error;
      }
    }),
  );
  if (first) throw first.error;
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

function throwFirst(settled: readonly PromiseSettledResult<unknown>[]): void {
  for (const one of settled) if (one.status === 'rejected') throw one.reason;
}
