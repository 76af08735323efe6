import { posix } from 'node:path';
import { RelocateError } from '../errors.ts';

/** A bucket or container, and what the names of a repository’s files begin with in it. */
export interface NamedPlace {
  name: string;
  /** Without slashes at its ends; empty for a whole bucket. */
  prefix: string;
  /** As it is shown. */
  url: string;
}

/** Reads `NAME:/prefix`, as restic takes it after `gs:` and `azure:`. Throws `usage`. */
export function parseNamedPlace(scheme: string, place: string): NamedPlace {
  const [name, path] = splitAt(place, ':');
  if (!/^[a-z0-9$][a-z0-9._-]*$/.test(name) || path === undefined || path.startsWith('//'))
    throw new RelocateError('usage', `That is no address of a place at “${scheme}:”.`, {
      facts: { scheme },
      hint: `Write it like ${scheme}:my-backups:/guestbook`,
    });
  const prefix = posix.normalize(`/${path}`).replaceAll(/^\/+|\/+$/g, '');
  return { name, prefix, url: `${scheme}:${name}:/${prefix}` };
}

/** The name of an object: a file’s path below the prefix. */
export function below({ prefix }: NamedPlace, path: string): string {
  return prefix === '' ? path : `${prefix}/${path}`;
}

function splitAt(text: string, sign: string): [string, string | undefined] {
  const at = text.indexOf(sign);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
