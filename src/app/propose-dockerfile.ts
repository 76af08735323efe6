import { basename } from 'node:path';
import type { Findings } from './findings.ts';
import type { FolderFacts } from './folder-facts.ts';

/** A Dockerfile says by VOLUME where its containers keep state: https://docs.docker.com/reference/dockerfile/#volume */
export function findInDockerfiles({ files }: FolderFacts, findings: Findings): void {
  for (const [path, text = ''] of Object.entries(files)) {
    if (basename(path) !== 'Dockerfile') continue;
    const volumes = instructions(text, 'VOLUME').flatMap(volumePaths);
    if (volumes.length === 0) continue;
    findings.seen.add('other');
    findings.questions.push(
      `${path} declares the volume ${volumes.join(', ')}: what does it hold? Volumes cannot be captured yet; a folder can.`,
    );
  }
}

/** True for a folder whose only word on how the app runs is a Dockerfile. */
export function runsInContainer({ files }: FolderFacts): boolean {
  return instructions(files['Dockerfile'] ?? '', 'FROM').length > 0;
}

/** The arguments of each such instruction; lines that end in a backslash go on. */
function instructions(text: string, name: string): string[] {
  return text
    .replaceAll(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line.slice(0, name.length).toUpperCase() === name && /\s/.test(line[name.length] ?? ''))
    .map((line) => line.slice(name.length).trim());
}

/** Written as a JSON list or as words. */
function volumePaths(given: string): string[] {
  try {
    const list: unknown = JSON.parse(given);
    if (Array.isArray(list)) return list.map(String);
  } catch {
    // No JSON: words.
  }
  return given.split(/\s+/);
}
