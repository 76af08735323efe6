import { basename } from 'node:path';
import type { Services } from './app.ts';
import { isComposeText, readCompose } from './compose.ts';
import type { Lookup } from './expand.ts';
import type { Problem } from './problems.ts';
import { readProcfile } from './procfile.ts';

/** A Procfile or a Compose file: by its name, else by what it holds. */
export function servicesKind(path: string, text: string): Services['kind'] {
  const name = basename(path);
  if (/^procfile(\..+)?$|\.procfile$/i.test(name)) return 'procfile';
  return /\.ya?ml$/i.test(name) || isComposeText(text) ? 'compose' : 'procfile';
}

/** Undefined, with `problems` filled, for a file that says of no service. */
export function readServices(
  path: string,
  text: string,
  lookup: Lookup,
  problems: Problem[],
): Services | undefined {
  const kind = servicesKind(path, text);
  if (kind === 'compose') {
    const compose = readCompose(text, lookup, problems);
    return compose && { kind, path, services: compose.services.map(({ name }) => ({ name, command: '' })) };
  }
  const before = problems.length;
  const { services } = readProcfile(text, problems);
  if (services.length === 0 && problems.length === before) {
    problems.push({ message: 'a Procfile must have a line "name: command"', start: 0, end: 1 });
  }
  return problems.length === before ? { kind, path, services } : undefined;
}
