import type { Storage } from '../storage/storage.ts';

/** A repository as an agent on a host gets it: the operator reads its files for it. */
export interface HandedRepository {
  url: string;
  /** Asked when it is needed. Secret. */
  password: () => Promise<string>;
  /** Opened when it is needed; closed by whoever opened it. */
  openStorage: () => Promise<Storage>;
}
