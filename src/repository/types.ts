import type { RelocateError } from '../errors.ts';

/** Values of the restic repository format, version 2, that pass between the engine and the rest of the program. */

/** 64 lowercase hex digits: the SHA-256 of a blob's plaintext or of a stored file. */
export type Id = string;

export type BlobType = 'data' | 'tree';

/** A snapshot document as restic stores it; optional fields are absent, not null. */
export interface Snapshot {
  /** RFC 3339 with nanoseconds, e.g. 2026-01-31T12:00:00.123456789Z */
  time: string;
  parent?: Id;
  tree: Id;
  paths: string[];
  hostname?: string;
  username?: string;
  uid?: number;
  gid?: number;
  excludes?: string[];
  tags?: string[];
  original?: Id;
  program_version?: string;
  summary?: SnapshotSummary;
}

export interface StoredSnapshot extends Snapshot {
  /** The file's name; the field itself is not part of the document. */
  id: Id;
  /**
   * Only where several repositories are read as one: those that hold it, and the name of its file there. `id` is then
   * the one by which all of them know it.
   */
  copies?: readonly { url: string; id: Id }[];
}

export interface SnapshotSummary {
  backup_start: string;
  backup_end: string;
  files_new: number;
  files_changed: number;
  files_unmodified: number;
  dirs_new: number;
  dirs_changed: number;
  dirs_unmodified: number;
  data_blobs: number;
  tree_blobs: number;
  data_added: number;
  data_added_packed: number;
  total_files_processed: number;
  total_bytes_processed: number;
}

/** What a stretch of saving added to the repository. */
export interface SaveStats {
  dataBlobs: number;
  treeBlobs: number;
  /** Plaintext bytes of blobs that were not there before. */
  addedBytes: number;
  /** The same as stored: compressed and sealed. */
  addedPackedBytes: number;
}

/** A stored file's content: blob IDs in order, and its length in bytes. */
export interface SavedContent {
  content: Id[];
  sizeBytes: number;
}

/** What was done to one of several repositories to give it what the others have. */
export interface CaughtUp {
  url: string;
  /** Snapshots that it got. */
  copied: number;
  /** Snapshots that it still lacks. */
  failed: { snapshot: Id; reason: string }[];
  addedBytes: number;
  addedPackedBytes: number;
  error?: RelocateError;
}

export interface KeyInfo {
  id: Id;
  current: boolean;
  username: string;
  hostname: string;
  created: string;
}

export interface LockInfo {
  id: Id;
  time: string;
  exclusive: boolean;
  hostname: string;
  username: string;
  pid: number;
  stale: boolean;
  /** Its file is damaged, so nothing else is known of it. */
  unreadable?: true;
}

export interface RepairIndexResult {
  /** Packs and blobs that the new index names. */
  packs: number;
  blobs: number;
  removedIndexes: number;
  /** Packs whose own list cannot be read; `keptBlobs` of each are known from a sound old index. */
  unreadable: { pack: Id; reason: string; keptBlobs: number }[];
}

export interface RepairSnapshotsResult {
  /** Nothing was written or removed. */
  dryRun: boolean;
  /** Snapshots that have lost nothing. */
  sound: number;
  /** Snapshots that lost something, what is left of each, and the paths that lost something. */
  repaired: { from: Id; to?: Id | undefined; lost: string[] }[];
  /** Snapshots of which nothing can be read. */
  unreadable: Id[];
  /** Broken ones that were removed. */
  removed: Id[];
}

export interface CopyResult {
  copied: { from: Id; to: Id }[];
  /** Snapshots of the source that the destination had already. */
  present: Id[];
  /** Snapshots that the source cannot give whole, and why. */
  failed: { snapshot: Id; reason: string }[];
  /** Plaintext bytes of blobs that the destination did not have, and the same as stored there. */
  addedBytes: number;
  addedPackedBytes: number;
}

export interface PruneSummary {
  /** Blobs and their bytes, as stored: in use; stored more often than needed; not in use. */
  usedBlobs: number;
  usedBytes: number;
  duplicateBlobs: number;
  duplicateBytes: number;
  unusedBlobs: number;
  unusedBytes: number;
  /** Packs that stay as they are. */
  keptPacks: number;
  unindexedPacks: number;
  unindexedBytes: number;
  removedPacks: number;
  removedBytes: number;
  repackedPacks: number;
  repackedBytes: number;
  /** Bytes that the repacked packs lose. */
  repackedAwayBytes: number;
  /** What the repository gets smaller by, and what stays in it unused. */
  freedBytes: number;
  remainingUnusedBytes: number;
}

export interface PruneResult extends PruneSummary {
  /** It was only planned. */
  dryRun: boolean;
}

export interface CheckResult {
  /** One plain sentence each; empty when the repository is sound. */
  errors: string[];
  /** Things that cost room but lose nothing: packs no index names, duplicate blobs. */
  hints: string[];
  packs: number;
  blobs: number;
  snapshots: number;
  readPacks: number;
  readBytes: number;
}
