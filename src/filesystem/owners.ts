import { readFileSync } from 'node:fs';

/** Names of users and groups by number, as restic stores them beside the numbers; empty where there is none. */
export interface Owners {
  user(uid: number): string;
  group(gid: number): string;
}

let cached: Owners | undefined;

/** Reads /etc/passwd and /etc/group once in the life of the process. */
export function localOwners(): Owners {
  cached ??= ownersFrom(readText('/etc/passwd'), readText('/etc/group'));
  return cached;
}

/** From texts of the form of passwd(5) and group(5). The first line of a number counts, as it does for the C library. */
export function ownersFrom(passwd: string, group: string): Owners {
  const users = namesByNumber(passwd);
  const groups = namesByNumber(group);
  return { user: (uid) => users.get(uid) ?? '', group: (gid) => groups.get(gid) ?? '' };
}

function namesByNumber(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [name, , number] = line.split(':');
    if (name === undefined || number === undefined || !/^\d+$/.test(number)) continue;
    if (!names.has(Number(number))) names.set(Number(number), name);
  }
  return names;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
