import { isListed, mayListBelow, parsePatterns, patternPart, rootPart } from './patterns.ts';

export interface Choice {
  /** The entry itself. */
  take: boolean;
  /** What is below it, for a folder. */
  descend: boolean;
}

/** Which entries of a snapshot a restore writes; patterns as restic's `--include` and `--exclude`. */
export interface Selection {
  choose(path: readonly string[]): Choice;
  /** Whether all is taken: nobody needs to keep paths then. */
  readonly everything: boolean;
}

/** The path of the snapshot's root, and of a name below a path. */
export const rootPath: readonly string[] = [rootPart];
export const below = (path: readonly string[], name: Buffer): readonly string[] => [
  ...path,
  patternPart(name),
];

export function createSelection({
  include,
  exclude = [],
}: {
  include?: readonly string[] | undefined;
  exclude?: readonly string[] | undefined;
}): Selection {
  const included = include === undefined || include.length === 0 ? undefined : parsePatterns(include);
  const excluded = parsePatterns(exclude);
  return {
    everything: included === undefined && excluded.length === 0,
    choose(path) {
      if (isListed(excluded, path)) return { take: false, descend: false };
      if (included === undefined || isListed(included, path)) return { take: true, descend: true };
      return { take: false, descend: mayListBelow(included, path) };
    },
  };
}
