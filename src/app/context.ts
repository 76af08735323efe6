import type { Schemas } from './schema.ts';

/** What reading a relocate.yaml needs of the world, handed in: this folder does no I/O. */
export interface ParseContext {
  /** Absolute path of relocate.yaml. */
  path: string;
  /** Its folder, absolute: what relative paths refer to. */
  folder: string;
  /** Of this process; it comes before the app's env files. */
  environment: Readonly<Record<string, string | undefined>>;
  /** The text of a file, undefined where there is none. */
  readFile: (absolutePath: string) => Promise<string | undefined>;
  sources: Schemas;
  targets: Schemas;
}
