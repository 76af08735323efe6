import { readFileSync } from 'node:fs';

/** A file's text; empty where it cannot be read, as what lies in /proc of a process that has ended. */
export function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
