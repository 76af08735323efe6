import { mkdir, mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import type { Event } from '../../src/events.ts';
import { sourceOf } from '../../src/sources/index.ts';
import type { Destination, PreparedCapture, SavedSource, SourceContext } from '../../src/sources/source.ts';
import { folderSlot, folderTree } from './saved-folder.ts';

/** One source run by hand, without a repository, in a folder of the test's. */
export interface SourceRun {
  events: Event[];
  prepare(options: unknown): Promise<PreparedCapture>;
  /** Prepares, captures and releases; the files are in `saved.folder`. */
  capture(options: unknown): Promise<CapturedFolder>;
  captureFrom(prepared: PreparedCapture): Promise<CapturedFolder>;
  restore(captured: CapturedFolder, destination: Destination): Promise<void>;
  factsOf(captured: CapturedFolder, destination: Destination): Promise<Record<string, string | number>>;
}

export interface CapturedFolder {
  folder: string;
  saved: SavedSource;
}

export function sourceRun(kind: string, folder: string): SourceRun {
  const source = sourceOf(kind);
  const events: Event[] = [];
  const emit = (event: Event): void => void events.push(event);
  const context: SourceContext = {
    name: 'db',
    folder,
    environment: {},
    emit,
    signal: new AbortController().signal,
  };
  const captureFrom = async (prepared: PreparedCapture): Promise<CapturedFolder> => {
    const target = await mkdtemp(path.join(folder, 'captured-'));
    try {
      const captured = await prepared.capture(folderSlot(target));
      const saved = { ...captured, name: 'db', kind, path: '/data/db', startedAt: '', durationMs: 0 };
      return { folder: target, saved };
    } finally {
      await prepared.release();
    }
  };
  const prepare = (options: unknown): Promise<PreparedCapture> =>
    source.prepare(source.options.parse(options), context);
  const restoreContext = async ({ folder: from }: CapturedFolder) => {
    const scratch = path.join(folder, 'scratch');
    await mkdir(scratch, { recursive: true });
    return { ...context, saved: folderTree(from), scratch, parallel: 2 };
  };
  return {
    events,
    prepare,
    capture: async (options) => captureFrom(await prepare(options)),
    captureFrom,
    restore: async (captured, destination) =>
      source.restore(captured.saved, destination, await restoreContext(captured)),
    factsOf: async (captured, destination) =>
      (await source.fingerprint(captured.saved, destination, await restoreContext(captured))).facts,
  };
}
