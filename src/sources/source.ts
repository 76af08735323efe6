import type { ZodType } from 'zod';
import type { Emit } from '../events.ts';
import type { Node } from '../repository/tree.ts';

/**
 * One kind of state that can be captured and brought back. A source is one file, one line in index.ts and one test
 * that calls the contract suite. Order of a snapshot: every source's `prepare` (all at one coordinated moment), then
 * every `capture` side by side, then every `release`, whatever happened.
 */
export interface Source<Options = unknown> {
  /** The key in relocate.yaml: `db: { postgres: … }`. */
  readonly kind: string;
  /** One line for help and docs. */
  readonly summary: string;
  /** Pure: parses what stands under the key; relative paths are resolved later, against `context.folder`. */
  readonly options: ZodType<Options>;

  /**
   * Connects, checks versions, and pins the moment (an exported database snapshot, a read transaction). Reads nothing
   * in bulk. Throws `source-failed`, `tool-missing`, `version-mismatch`.
   */
  prepare(options: Options, context: SourceContext): Promise<PreparedCapture>;

  /**
   * Brings saved state back to an empty destination. Running it again after a kill must end in the same state.
   * Throws `restore-failed`, `version-mismatch`.
   */
  restore(saved: SavedSource, destination: Destination, context: RestoreContext): Promise<void>;

  /** What the restored state says of its content, in the same terms as at capture. */
  fingerprint(saved: SavedSource, destination: Destination, context: VerifyContext): Promise<Fingerprint>;

  /** Command lines by which a person brings it back without relocate, from the folder restic restored to. */
  byHand?(saved: SavedSource): readonly string[];
}

export interface SourceContext {
  /** The entry's name under `data:`; also its folder in the snapshot, /data/NAME. */
  name: string;
  /** The app's folder, absolute: what relative paths refer to. */
  folder: string;
  /** Of an app that has one, absolute. */
  composeFile?: string | undefined;
  /** The app's environment. */
  environment: Readonly<Record<string, string>>;
  emit: Emit;
  signal: AbortSignal;
}

export interface PreparedCapture {
  capture(slot: CaptureSlot): Promise<Captured>;
  /** Lets go of what `prepare` holds. Called exactly once, also after a failure. */
  release(): Promise<void>;
}

/** The folder of the snapshot that a source fills: /data/NAME. Everything streams into the repository. */
export interface CaptureSlot {
  /**
   * Adds one file of any length. Where its name follows from its content, `name` is a function that is asked once the
   * content has passed; it may answer undefined, and the file is not kept. A name with slashes makes folders.
   */
  addFile(
    name: string | (() => string | undefined),
    content: AsyncIterable<Uint8Array>,
  ): Promise<{ sizeBytes: number }>;
  /**
   * Takes a file over as the previous snapshot has it, without reading it: for files that are named by their content.
   * Undefined where there is none, or where the repository has lost a part of it.
   */
  keepFile(name: string): Promise<{ sizeBytes: number } | undefined>;
  /** Makes the slot itself the image of a folder on disk. Goes with no other call. */
  addDisk(path: string, options: { excludes: readonly string[] }): Promise<DiskSummary>;
}

export interface DiskSummary {
  files: number;
  directories: number;
  symlinks: number;
  sizeBytes: number;
  /** Tree ID of the folder's content: the digest of all names, metadata and bytes below it. */
  tree: string;
  /** Paths that could not be read, or changed while they were: the snapshot is then incomplete (exit 3). */
  problems: { path: string; reason: string }[];
}

/** What a capture says of itself; it goes into the manifest, so it holds no secrets. */
export interface Captured {
  /** Bytes and items as the floor counts them: files, or rows. */
  sizeBytes: number;
  items: number;
  fingerprint: Fingerprint;
  /** Versions of tools and servers involved, e.g. { pg_dump: '15.18', server: '15.18' }. */
  tools: Record<string, string>;
  /** What `restore` will need to know beside the saved files. */
  details: Record<string, unknown>;
  problems: { path: string; reason: string }[];
}

/** A source as the manifest describes it: everything restore may rely on. */
export interface SavedSource extends Captured {
  name: string;
  kind: string;
  /** In the snapshot, e.g. /data/db. */
  path: string;
  startedAt: string;
  durationMs: number;
}

/** Where state is brought back to; provisioning decides it. */
export type Destination =
  /** An empty database in a server that is up; `adminUrl` may create roles and extensions there. Both hold passwords. */
  | { kind: 'postgres'; url: string; adminUrl: string; binaries?: string }
  /** A folder or file that does not exist yet, absolute. */
  | { kind: 'path'; path: string }
  /** The Docker engine of the host: images come to it as `repository:…`. */
  | { kind: 'engine'; repository: string };

export interface VerifyContext extends SourceContext {
  /** The saved folder in the snapshot: what to read from, or to compare with. */
  saved: SavedTree;
}

export interface RestoreContext extends VerifyContext {
  /** A folder of this restore's own for temporary files; emptied afterwards. */
  scratch: string;
  /** How many things to do at once. */
  parallel: number;
}

export interface SavedTree {
  /** Entries directly in the saved folder. */
  list(): Promise<Node[]>;
  /** One file's content, in order; names with slashes lead into folders. */
  read(name: string): AsyncIterable<Uint8Array>;
  /** Writes the whole saved folder to `target` with all that POSIX knows of it; what is right there already stays. */
  writeTo(target: string): Promise<DiskSummary>;
  /**
   * Reads everything below `target` back from disk and holds it against the saved folder: names, types, modes, link
   * targets, every byte. `problems` are the differences; the counts are those of the disk.
   */
  compareWith(target: string): Promise<DiskSummary>;
}

/**
 * What a source says of its content. `facts` are compared one by one: same keys, same values. Keys are human words
 * ("table public.entry: rows"), values exact.
 */
export interface Fingerprint {
  takenAt: string;
  facts: Record<string, string | number>;
}
