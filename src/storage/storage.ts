import { RelocateError } from '../errors.ts';

/**
 * What a repository needs of the place its files lie in. This comment is the contract that every storage's suite tests.
 * Where the place refuses a call for want of permission, the error has the fact `denied: true`: a credential that may
 * not delete is no accident but a way to keep snapshots from whoever breaks in.
 */

export const fileTypes = ['config', 'key', 'lock', 'snapshot', 'index', 'pack'] as const;
export type FileType = (typeof fileTypes)[number];

/** `name` is the lowercase hex SHA-256 of the content; for `config` it is empty. */
export interface StorageFile {
  type: FileType;
  name: string;
}

/** In bytes. */
export interface FileRange {
  offset: number;
  length: number;
  /**
   * Memory of at least that length, to be used again and again by the caller, because fresh memory is slow. A storage
   * may read into it and give a view of it, or give other memory: whoever passes it looks which one came. Once the call
   * has settled, also by an error, nothing is written to it any more.
   */
  into?: Buffer;
}

export interface Storage {
  /** As given by the user, without any secret: fit for messages. */
  readonly url: string;

  /**
   * So many files may well be stored side by side, because storing one is mostly waiting. Left out: one, for a disk gains
   * nothing and each takes memory.
   */
  readonly savesAtOnce?: number | undefined;

  /** Makes the folders that a repository needs. Safe to call on an existing one. */
  initialise(): Promise<void>;

  /**
   * Stores a file whole or not at all: after `save` returns it survives a power cut, before that nobody sees it under
   * its name. Saving a file that is there already is no error and leaves a file with the given content.
   * Throws `disk-full`, `storage-failed`.
   */
  save(file: StorageFile, content: readonly Uint8Array[]): Promise<void>;

  /**
   * Reads a file or exactly `range` of it. Throws `storage-failed` with fact `missing: true` where there is none, and
   * `storage-failed` when fewer bytes than asked for are there. The buffer is the caller's, to be changed at will.
   */
  load(file: StorageFile, range?: FileRange): Promise<Buffer>;

  /** Size in bytes, or undefined where there is no such file. */
  size(file: StorageFile): Promise<number | undefined>;

  /** All files of a type, in no order. Strangers (temporary files, other names than hex digests) are left out. */
  list(type: FileType): Promise<{ name: string; sizeBytes: number }[]>;

  /** Removes a file; one that is gone already is no error. Throws `storage-failed` with fact `denied: true` where it may not. */
  remove(file: StorageFile): Promise<void>;

  /**
   * A URL by which a file can be read with HTTP's ranges, and nothing else be done, until `validMs` are over: for a host
   * that shall fetch it without going through this machine. Secret. Left out by storages that know no such thing;
   * undefined where another machine could not use it. Does not ask the server, nor whether the file is there.
   */
  linkTo?(file: StorageFile, validMs: number): Promise<string | undefined>;

  close(): Promise<void>;
}

/** Names of this machine itself: at another one they lead to something else. */
export function isLoopback(address: string): boolean {
  const host = (URL.parse(address)?.hostname ?? '').replace(/^\[|\]$/g, '');
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '::1' ||
    /^(127\.|0\.0\.0\.0$|::ffff:7f)/.test(host)
  );
}

/**
 * Holds what goes over the network to a rate: each call waits until so many bytes may go. A direction without a limit
 * is left out.
 */
export interface Traffic {
  /** What is sent and taken at once: small beside a second’s worth. */
  pieceBytes: number;
  upload?: (bytes: number) => Promise<void>;
  download?: (bytes: number) => Promise<void>;
}

/** What storages behind a network say as `savesAtOnce`: enough to hide the way there and back; 17 MiB of memory each. */
export const distantSavesAtOnce = 4;

/** Folders of restic's default layout; packs are spread over 256 folders by the first two digits of their name. */
export const folders: Readonly<Record<Exclude<FileType, 'config'>, string>> = {
  key: 'keys',
  lock: 'locks',
  snapshot: 'snapshots',
  index: 'index',
  pack: 'data',
};

const hexName = /^[0-9a-f]{64}$/;

export function isFileName(name: string): boolean {
  return hexName.test(name);
}

/** Where a file lies below the repository's root, with slashes. Throws `repository-damaged` for a name that is none. */
export function pathOf({ type, name }: StorageFile): string {
  if (type === 'config') return 'config';
  // Names come from repositories that others may have written: none may lead out of the folder.
  if (!isFileName(name))
    throw new RelocateError('repository-damaged', 'A file name is no SHA-256.', { facts: { type, name } });
  return type === 'pack' ? `${folders.pack}/${name.slice(0, 2)}/${name}` : `${folders[type]}/${name}`;
}

/** A file's name for messages: short, and as a person would find it. */
export function describeFile({ type, name }: StorageFile): string {
  return type === 'config' ? 'config' : `${folders[type]}/${name.slice(0, 8)}`;
}

/** The error for a file that holds fewer bytes than were asked for. */
export function shorterThanAsked(
  url: string,
  file: StorageFile,
  wantedBytes: number,
  gotBytes: number,
): RelocateError {
  return new RelocateError(
    'storage-failed',
    `The file ${describeFile(file)} in ${url} is shorter than it should be.`,
    {
      facts: { wantedBytes, gotBytes, truncated: true },
      hint: 'Find out what else is damaged with: relocate check --read-data',
    },
  );
}
