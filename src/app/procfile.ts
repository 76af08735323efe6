import type { Service } from './app.ts';
import type { Problem } from './problems.ts';

export interface Procfile {
  services: Service[];
  /** The command of Heroku's `release:` phase. It prepares a new release, so nothing keeps it running. */
  release: string | undefined;
}

/**
 * Reads Heroku's format (https://devcenter.heroku.com/articles/procfile): `name: command` a line; `#` begins a comment
 * line. What is wrong is added to `problems`.
 */
export function readProcfile(text: string, problems: Problem[]): Procfile {
  const services: Service[] = [];
  const seen = new Set<string>();
  let release: string | undefined;
  for (const { 0: line, index } of text.matchAll(/[^\r\n]+/g)) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const [, name, command] =
      /^([A-Za-z0-9_-]{1,63})\s*:([^]*)$/.exec(line.trim())?.map((part) => part.trim()) ?? [];
    const problem = (message: string) => problems.push({ message, start: index, end: index + line.length });
    if (name === undefined || command === undefined) problem('must read "name: command"');
    else if (command === '') problem(`"${name}" has no command`);
    else if (seen.has(name)) problem(`"${name}" is here twice: give each process its own name`);
    else if (name === 'release') release = command;
    else services.push({ name, command });
    if (name !== undefined) seen.add(name);
  }
  return { services, release };
}
