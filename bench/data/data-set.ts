/** Content for a benchmark, the same on every machine: all of it comes from fixed seeds. */
export interface DataSet {
  name: string;
  title: string;
  sizeBytes: number;
  /** Writes it into an empty folder. */
  make(folder: string): Promise<void>;
  /** Overwrites 1 % of it: of a large file's blocks, or of a tree's files. */
  change(folder: string): Promise<void>;
  /** As it was made. */
  changeBack(folder: string): Promise<void>;
}

/** What the files say of their last change, in seconds: the same each time they are made. */
export const madeAt = 1_700_000_000;
export const changedAt = 1_700_086_400;
