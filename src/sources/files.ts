import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import * as z from 'zod';
import { RelocateError } from '../errors.ts';
import { parsePatterns } from '../filesystem/patterns.ts';
import type { CaptureSlot, Captured, Destination, DiskSummary, Fingerprint, Source } from './source.ts';

const path = z.string().min(1).describe('The folder.');
const pattern = z
  .string()
  .min(1)
  .refine(isPattern, { error: 'is no pattern: a [ needs its ], and a \\ a character after it' });
const options = z.union([
  path,
  z.strictObject({
    path,
    exclude: z
      .array(pattern)
      .default([])
      .describe('Patterns of what to leave out, as restic --exclude takes them.'),
  }),
]);

type FilesOptions = z.infer<typeof options>;

/**
 * A folder with all that POSIX knows of it; sockets are left out, as restic does.
 *
 * The fingerprint counts files, folders, symlinks and bytes, and names the content by the saved tree's ID, which is a
 * digest over all names, metadata and blob IDs, so that no file is read twice at capture. The restored side earns the
 * same ID only after every byte was read back from the disk and every stretch of it had the SHA-256 that the snapshot
 * names it by, with names, types, modes and link targets right, and nothing missing or too much.
 */
export const files: Source<FilesOptions> = {
  kind: 'files',
  summary: 'A folder: modes, owners, times, links, extended attributes, everything.',
  options,

  async prepare(options, context) {
    const { path, exclude } = wanted(options, context.folder);
    await assertFolder(path);
    return {
      capture: (slot) => capture(slot, path, exclude),
      async release() {},
    };
  },

  async restore(_saved, destination, context) {
    const { problems } = await context.saved.writeTo(folderOf(destination));
    for (const { path, reason } of problems) {
      context.emit({ type: 'warning', code: 'file-not-restored', message: `${path}: ${reason}`, item: path });
    }
  },

  async fingerprint(_saved, destination, context) {
    const summary = await context.saved.compareWith(folderOf(destination));
    return fingerprintOf(summary, describeContent(summary));
  },

  byHand: ({ path }) => [`cp -a .${quote(path)} /where/it/belongs    # after the restore above, as root`],
};

function wanted(options: FilesOptions, folder: string): { path: string; exclude: readonly string[] } {
  return typeof options === 'string'
    ? { path: resolve(folder, options), exclude: [] }
    : { path: resolve(folder, options.path), exclude: options.exclude };
}

function isPattern(text: string): boolean {
  try {
    parsePatterns([text]);
    return true;
  } catch {
    return false;
  }
}

async function assertFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return;
  throw new RelocateError(
    'source-failed',
    found ? `${path} is no folder.` : `The folder ${path} is not there.`,
    {
      facts: { path },
      hint: 'No snapshot was made; earlier ones are untouched. Put the folder back, or correct its path in relocate.yaml.',
    },
  );
}

async function capture(slot: CaptureSlot, path: string, exclude: readonly string[]): Promise<Captured> {
  const summary = await slot.addDisk(path, { excludes: exclude });
  return {
    sizeBytes: summary.sizeBytes,
    items: summary.files,
    fingerprint: fingerprintOf(summary, summary.tree),
    tools: {},
    details: { path, exclude: [...exclude] },
    problems: summary.problems,
  };
}

function fingerprintOf(summary: DiskSummary, content: string): Fingerprint {
  return {
    takenAt: new Date().toISOString(),
    facts: {
      files: summary.files,
      folders: summary.directories,
      symlinks: summary.symlinks,
      bytes: summary.sizeBytes,
      'content (tree ID)': content,
    },
  };
}

/** The tree's ID if the disk holds exactly that, else what differs. */
function describeContent({ tree, problems }: DiskSummary): string {
  const [first] = problems;
  if (first === undefined) return tree;
  const others = problems.length > 1 ? `, and ${problems.length - 1} more` : '';
  return `differs: ${first.path}: ${first.reason}${others}`;
}

function folderOf(destination: Destination): string {
  if (destination.kind === 'path') return destination.path;
  throw new RelocateError('internal', 'Files were to be restored into a database.');
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
